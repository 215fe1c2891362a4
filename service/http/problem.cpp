#include "service/http/problem.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "common/payment/charge_request.hpp"
#include "common/payment/problem.hpp"

namespace millrace::http {

std::string_view reason_phrase(unsigned status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 304:
            return "Not Modified";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 402:
            return "Payment Required";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 411:
            return "Length Required";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Error";
    }
}

std::string write_answer(const Problem& problem, const AnswerFacts& facts) {
    boost::json::object document;
    // The type that clients of the Payment scheme know for a demand; other answers say no more than their status.
    std::string_view type = "about:blank";
    if (!problem.type.empty())
        type = problem.type;
    else if (problem.status == 402)
        type = payment::text(payment::Problem::payment_required).type;
    document["type"] = std::string(type);
    document["title"] = std::string(problem.title.empty() ? reason_phrase(problem.status) : problem.title);
    document["status"] = problem.status;
    document["detail"] = problem.detail;
    if (!problem.reason.empty()) document["reason"] = std::string(problem.reason);
    if (problem.price) document["price_msat"] = problem.price->value();
    if (problem.offer) {
        document["macaroon"] = problem.offer->macaroon;
        document["invoice"] = problem.offer->invoice;
        document["amount_sats"] = payment::to_sat(problem.offer->amount);
    }
    bool for_person = !problem.page.empty();
    std::string body = for_person ? problem.page : boost::json::serialize(document) + '\n';

    std::string out;
    out.reserve(512 + body.size() + (problem.challenges.empty() ? 0 : 2048));
    out.append("HTTP/1.1 ")
        .append(std::to_string(problem.status))
        .append(" ")
        .append(reason_phrase(problem.status))
        .append("\r\n");
    out.append("Date: ").append(facts.date).append("\r\n");
    for (const std::string& challenge : problem.challenges)
        out.append("WWW-Authenticate: ").append(challenge).append("\r\n");
    if (problem.retry_after > 0) out.append("Retry-After: ").append(std::to_string(problem.retry_after)).append("\r\n");
    for (const std::string& field : problem.fields) out.append(field).append("\r\n");
    out.append(facts.own);
    if (problem.status == 204) {
        out.append(facts.keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
        return out;
    }
    out.append("Cache-Control: no-store\r\nContent-Type: ")
        .append(for_person ? "text/html; charset=utf-8" : "application/problem+json")
        .append("\r\nContent-Length: ")
        .append(std::to_string(body.size()))
        .append("\r\n");
    if (!facts.keep_alive)
        out.append("Connection: close\r\n");
    else if (facts.version < 11)
        out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
    if (!facts.to_head) out.append(body);
    return out;
}

}  // namespace millrace::http
