// millraced's own answers: RFC 9457 problem documents, and the 402 with its challenge.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/money/msat.hpp"

namespace millrace::http {

// What a client buys by L402, for those that read the body and no header.
struct TokenOffer {
    std::string macaroon;  // base64
    std::string invoice;   // BOLT 11
    Msat amount;           // of the invoice
};

struct Problem {
    unsigned status = 500;
    std::string detail;
    std::string_view reason = {};              // one word for programs; empty: none
    std::optional<Msat> price = std::nullopt;  // of a 402
    std::vector<std::string> challenges = {};  // WWW-Authenticate lines of a 402
    unsigned retry_after = 0;                  // seconds; 0: no such field
    std::string page = {};                     // HTML for a person in place of the problem document; empty: none
    std::vector<std::string> fields = {};      // further header fields, "Name: value"
    std::string_view type = {};                // empty: payment-required for a 402, about:blank for others
    std::string_view title = {};               // empty: the status's own
    std::optional<TokenOffer> offer = {};      // of a 402, in the problem document
};

[[nodiscard]] std::string_view reason_phrase(unsigned status);

struct AnswerFacts {
    std::string_view date;  // of the Date field
    int version = 11;       // of the request
    bool keep_alive = true;
    bool to_head = false;       // the request was HEAD: no body
    std::string_view own = {};  // header lines of this request's answers
};

// The whole response: head and body.
[[nodiscard]] std::string write_answer(const Problem& problem, const AnswerFacts& facts);

}  // namespace millrace::http
