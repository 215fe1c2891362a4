#include "service/ctl/request.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <charconv>

namespace millrace::ctl {
namespace {

using operations::Place;

// What is no number is sent as it is: millraced says what would be right.
boost::json::value number_or_text(const std::string& text) {
    std::int64_t number = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool whole = failed == std::errc{} && end == text.data() + text.size();
    return whole ? boost::json::value(number) : boost::json::value(text);
}

std::string encoded(std::string_view text) {
    return boost::urls::encode(text, boost::urls::unreserved_chars);
}

}  // namespace

Request make_request(const Operation& operation, const Values& values) {
    Request out{std::string(operation.method), std::string(operation.path)};
    boost::json::object body;
    std::string query;
    for (const Argument& argument : operation.arguments) {
        auto value = values.find(argument.name);
        if (value == values.end()) continue;
        if (argument.place == Place::path) {
            std::string name = '{' + std::string(argument.name) + '}';
            out.target.replace(out.target.find(name), name.size(), encoded(value->second));
        } else if (argument.place == Place::document) {
            out.body = value->second;
        } else if (argument.place == Place::query) {
            query += (query.empty() ? '?' : '&') + std::string(argument.name) + '=' + encoded(value->second);
        } else {
            body[argument.name] = argument.kind == operations::Kind::number ? number_or_text(value->second)
                                                                            : boost::json::value(value->second);
        }
    }
    out.target += query;
    if (!body.empty()) out.body = boost::json::serialize(body);
    return out;
}

}  // namespace millrace::ctl
