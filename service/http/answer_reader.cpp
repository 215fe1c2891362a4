#include "service/http/answer_reader.hpp"

namespace millrace::http {

AnswerReader::Step AnswerReader::next(Buffer& in, ResponseReader& reader) {
    const std::size_t end = find_head_end(in.view(), scanned_);
    if ((end > 0 ? end : in.size()) > limits_.head) return fail("sent a head that is too large");
    if (end == 0) return Step::more;
    scanned_ = 0;
    if (reader.parse(in.pin(end), limits_, to_head_)) return fail("sent a malformed answer");
    const unsigned status = reader.head().status;
    if (status / 100 != 1) return Step::final;
    if (status == 101) return upgrades_ ? Step::final : fail("switched protocols unasked");
    if (++interim_ > max_interim) return fail("sent interim answers without end");
    return Step::interim;
}

}  // namespace millrace::http
