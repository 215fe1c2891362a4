#include "service/admin/message.hpp"

#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "service/http/problem.hpp"

namespace millrace::admin {

Answer problem(unsigned status, std::string_view detail, boost::json::object more) {
    boost::json::object document{{"type", "about:blank"},
                                 {"title", std::string(http::reason_phrase(status))},
                                 {"status", status},
                                 {"detail", std::string(detail)}};
    for (auto& [key, value] : more) document[key] = std::move(value);
    return {status, boost::json::serialize(document) + '\n', "application/problem+json"};
}

Answer json_answer(const boost::json::object& document, unsigned status) {
    return {status, boost::json::serialize(document) + '\n'};
}

std::optional<std::string_view> only_field(const http::RequestHead& head, http::Field id) {
    std::optional<std::string_view> out;
    for (const http::HeaderLine& line : head.fields) {
        if (line.id != id) continue;
        if (out) return std::nullopt;
        out = line.value;
    }
    return out;
}

std::optional<Request> read_request(const http::RequestHead& head) {
    auto target = boost::urls::parse_origin_form(head.target);
    if (!target) return std::nullopt;
    Request request;
    request.method = head.verb == http::Verb::head ? "GET" : std::string(head.method);
    for (const std::string& segment : target->segments()) request.path.push_back(segment);
    for (const auto& parameter : target->params()) {
        if (!request.query.emplace(parameter.key, parameter.value).second) return std::nullopt;
    }
    auto accept = only_field(head, http::Field::accept);
    auto format = request.query.find("format");
    request.wants_csv =
        format == request.query.end() ? accept && accept->starts_with("text/csv") : format->second == "csv";
    return request;
}

}  // namespace millrace::admin
