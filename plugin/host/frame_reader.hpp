// Cuts lightningd's byte stream into messages.
//
//   stream := (space* value)*       value: one JSON value; space: blank, tab, CR or LF, blank lines included
//
//   FrameReader frames;
//   std::span<char> space = frames.prepare();          // read into it, then
//   frames.commit(bytes_read);
//   while (auto message = frames.next()) handle(*message);
//
// The end of a message is the end of its JSON value. lightningd puts "\n\n" behind each, but a command's parameters reach the
// plugin in the very bytes that the caller sent, blank lines between their tokens included.
//
// The messages are views of the raw bytes, so that an id can be echoed exactly as it came; they hold until the next prepare().
// Source: Core Lightning, common/jsonrpc_io.c and lightningd/jsonrpc.c.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::host {

class FrameReader {
  public:
    // No message of lightningd comes near this; more is taken as a broken stream.
    static constexpr std::size_t max_message = 64U * 1024 * 1024;

    // Room for at least `least` bytes. Messages handed out before are gone afterwards.
    [[nodiscard]] std::span<char> prepare(std::size_t least = 16 * 1024);
    void commit(std::size_t bytes_read);

    // The next whole message without the space around it. What is no object, array or string ends at the next space.
    [[nodiscard]] std::optional<std::string_view> next();

    // True once a message grew beyond max_message: there is no way back into step.
    [[nodiscard]] bool overflowed() const { return filled_ - start_ > max_message; }

  private:
    // Moves scanned_ to the end of the message that begins at start_; false where the rest of it is still to come.
    bool scan();
    bool scan_string();

    std::vector<char> buffer_;
    std::size_t start_ = 0;    // of the first message not handed out yet
    std::size_t scanned_ = 0;  // the scanner has read up to here, and its state is below
    std::size_t filled_ = 0;
    std::size_t depth_ = 0;  // of objects and arrays
    bool in_string_ = false;
    bool escaped_ = false;
};

}  // namespace millrace::host
