// The fields of a request that decide what it costs: unit_header of the service's routes, the pricer's `headers`, and
// X-L402-Tier where tiers are sold. What is charged is what the upstream is asked to do, so each of them is there once
// and reaches the upstream as it was priced:
//
//   twice                    400: no two servers agree which one counts (RFC 9110 §5.3)
//   named in Connection      400: it would end at this hop (RFC 9110 §7.6.1), and was priced
//   another spelling of it   goes no further (codec/field_name.hpp); 400 where a front proxy carries the request on
//
// The method decides as well, and frameworks take another one from a field: see overriding_methods().
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/config/config.hpp"
#include "service/http/message.hpp"

namespace millrace::paywall {

class DecidingFields {
  public:
    DecidingFields() = default;
    explicit DecidingFields(const config::Service& service);

    // What is wrong with these fields in `head`, as a sentence; empty where nothing is. `carried_by_front`: a front
    // proxy hands the request on as the client sent it.
    [[nodiscard]] std::optional<std::string> fault_of(const http::RequestHead& head, bool carried_by_front) const;

    // Those in `head`, a line "name:value" each, names in small letters and in an order of their own.
    [[nodiscard]] std::string told_in(const http::RequestHead& head) const;

    // True for another spelling of such a field, which is not forwarded.
    [[nodiscard]] bool is_twin(std::string_view name) const;

  private:
    std::vector<std::string> names_;
};

// The methods, in capitals, that servers may take in place of the request's own: those that fields such as
// X-HTTP-Method-Override name, which Rack, Express' method-override, Symfony, Laravel, Spring, ASP.NET and others
// believe, the first of a list or all of it; and its own in capitals, where it has lower-case letters.
[[nodiscard]] std::vector<std::string> overriding_methods(const http::RequestHead& head);

}  // namespace millrace::paywall
