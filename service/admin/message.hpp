// A request to the admin API as its handlers see it, and what they answer. No I/O.
//
//   target := "/v1/settlements?service=weather&limit=10"   ->  path {"v1", "settlements"}, query {service: weather,
//   ...}
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/http/message.hpp"
#include "service/operations/operation.hpp"

namespace millrace::admin {

using operations::Role;

struct Request {
    std::string method;                  // "GET"; of HEAD "GET" too
    std::vector<std::string> path = {};  // segments, decoded
    std::map<std::string, std::string, std::less<>> query = {};
    std::map<std::string, std::string, std::less<>> names = {};  // what stood for {name} in the endpoint's path
    bool wants_csv = false;                                      // Accept: text/csv, or format=csv
    boost::json::object body = {};
    Role role = Role::read;  // of who asks
};

struct Answer {
    unsigned status = 200;
    std::string body = {};
    std::string_view type = "application/json";
    std::vector<std::string> fields = {};  // further header fields, "Name: value"
};

// An RFC 9457 problem document.
[[nodiscard]] Answer problem(unsigned status, std::string_view detail, boost::json::object more = {});

[[nodiscard]] Answer json_answer(const boost::json::object& document, unsigned status = 200);

// Method, path, query and what is accepted; empty where the target is not a path with a query, percent-encoded well.
[[nodiscard]] std::optional<Request> read_request(const http::RequestHead& head);

// Fields and values that appear once; empty where there is none or more than one.
[[nodiscard]] std::optional<std::string_view> only_field(const http::RequestHead& head, http::Field id);

}  // namespace millrace::admin
