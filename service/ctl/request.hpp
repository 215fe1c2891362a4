// The requests that commands become.
//
//   Request request = make_request(*operations::find("token revoke"), {{"payment_hash", "00.."}, {"reason", "leaked"}});
//   // POST /v1/tokens/00../revoke   {"reason":"leaked"}
#pragma once

#include <map>
#include <string>

#include "service/operations/operation.hpp"

namespace millrace::ctl {

using operations::Argument;
using operations::Operation;

using Values = std::map<std::string, std::string, std::less<>>;

struct Request {
    std::string method;
    std::string target;
    std::string body = {};  // JSON; empty: none
};

// `values` by name of argument; those that are required must be there, documents as JSON.
[[nodiscard]] Request make_request(const Operation& operation, const Values& values);

}  // namespace millrace::ctl
