// An answer of millraced's own that is no problem: a document, a quote, a hint.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "service/http/problem.hpp"

namespace millrace::http {

struct Reply {
    unsigned status = 200;
    std::string_view content_type = {};  // empty: no body
    std::string body = {};
    std::vector<std::string> fields = {};  // further header fields, "Name: value"
};

// The whole response: head and body.
[[nodiscard]] std::string write_reply(const Reply& reply, const AnswerFacts& facts);

}  // namespace millrace::http
