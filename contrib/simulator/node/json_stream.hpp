// JSON as it comes through pipes and sockets: cut into top-level values, without waiting for any separator, and members
// taken out as the bytes that were sent. lightningd compares ids and copies params and results byte by byte; so do we.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::sim {

class JsonSplitter {
  public:
    // Bytes of one message; beyond it the stream is taken for garbage.
    static constexpr std::size_t max_message = 64 * 1024 * 1024;

    void feed(std::string_view bytes) { buffer_.append(bytes); }

    // The next whole value, without surrounding white space; empty where more bytes are needed or the stream is broken.
    // Only objects and arrays are messages: anything else at the top level breaks the stream.
    std::optional<std::string> next();

    // What came is not a sequence of JSON objects; nothing more will be answered.
    [[nodiscard]] bool broken() const { return broken_; }

  private:
    std::string buffer_;
    std::size_t scanned_ = 0;
    int depth_ = 0;
    bool in_string_ = false;
    bool escaped_ = false;
    bool broken_ = false;
};

// The raw text of a member of the object `text`, or empty: `{"id": "a\/b"}` gives `"a\/b"`, quotes included.
// `text` must be valid JSON.
[[nodiscard]] std::optional<std::string_view> raw_member(std::string_view text, std::string_view name);

}  // namespace millrace::sim
