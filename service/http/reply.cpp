#include "service/http/reply.hpp"

namespace millrace::http {

std::string write_reply(const Reply& reply, const AnswerFacts& facts) {
    std::string out = "HTTP/1.1 " + std::to_string(reply.status);
    out.append(" ").append(reason_phrase(reply.status)).append("\r\nDate: ").append(facts.date).append("\r\n");
    out.append(facts.own);
    for (const std::string& field : reply.fields) out.append(field).append("\r\n");
    // RFC 9110 §8.6: neither 204 nor 304 has a length of its own.
    bool may_have_length = reply.status != 204 && reply.status != 304;
    if (!reply.content_type.empty()) out.append("Content-Type: ").append(reply.content_type).append("\r\n");
    if (may_have_length) out.append("Content-Length: ").append(std::to_string(reply.body.size())).append("\r\n");
    if (!facts.keep_alive)
        out.append("Connection: close\r\n");
    else if (facts.version < 11)
        out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
    if (!facts.to_head && may_have_length) out.append(reply.body);
    return out;
}

}  // namespace millrace::http
