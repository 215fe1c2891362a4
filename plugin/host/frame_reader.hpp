// Cuts lightningd's byte stream into messages.
//
//   stream := (message "\n\n")*       message: compact JSON, hence without a raw line feed
//
//   FrameReader frames;
//   std::span<char> space = frames.prepare();          // read into it, then
//   frames.commit(bytes_read);
//   while (auto message = frames.next()) handle(*message);
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

    // The next whole message without its terminator; empty ones are skipped.
    [[nodiscard]] std::optional<std::string_view> next();

    // True once a message grew beyond max_message: there is no way back into step.
    [[nodiscard]] bool overflowed() const { return filled_ - start_ > max_message; }

  private:
    std::vector<char> buffer_;
    std::size_t start_ = 0;    // of the first message not handed out yet
    std::size_t scanned_ = 0;  // no terminator begins before here
    std::size_t filled_ = 0;
};

}  // namespace millrace::host
