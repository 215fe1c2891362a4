// The head of a server's answer, out of the bytes as they come: interim responses stand before the final one (RFC 9110
// §15.2), and a server that sends no end of them sends no answer. No I/O.
//
//   AnswerReader answer({64 * 1024, 64 * 1024}, to_head, upgrades);
//   for (;;) switch (answer.next(buffer, reader)) {
//       case more:    read into the buffer;
//       case interim: reader.head() is one, to be passed on or not;
//       case final:   reader.head() is the answer's; what follows it is in the buffer
//       case bad:     answer.fault()
//   }
#pragma once

#include "service/http/buffer.hpp"
#include "service/http/message.hpp"

namespace millrace::http {

class AnswerReader {
  public:
    static constexpr unsigned max_interim = 8;

    // `to_head`: the request was HEAD. `upgrades`: it asked for another protocol, so that 101 is an answer.
    AnswerReader(const HeadLimits& limits, bool to_head, bool upgrades)
        : limits_(limits), to_head_(to_head), upgrades_(upgrades) {}

    enum class Step { more, interim, final, bad };
    [[nodiscard]] Step next(Buffer& in, ResponseReader& reader);

    // What the server did wrong: "sent a malformed answer". Literal text.
    [[nodiscard]] std::string_view fault() const { return fault_; }

  private:
    Step fail(std::string_view fault) {
        fault_ = fault;
        return Step::bad;
    }

    HeadLimits limits_;
    bool to_head_;
    bool upgrades_;
    std::size_t scanned_ = 0;
    unsigned interim_ = 0;
    std::string_view fault_;
};

}  // namespace millrace::http
