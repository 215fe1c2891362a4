#include "service/admit/credential.hpp"

#include <algorithm>

#include "common/l402/work.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::admit {
namespace {

using l402::HeaderField;

bool is_payment(const HeaderField& field) {
    return relay::same_field_name(field.first, "Authorization") && payment::is_payment_authorization(field.second);
}

bool is_work(const HeaderField& field) {
    return relay::same_field_name(field.first, "Authorization") && l402::is_work_authorization(field.second);
}

bool is_l402(const HeaderField& field) {
    return relay::same_field_name(field.first, "Authorization") && relay::is_l402_authorization(field.second);
}

// Two different ones, or one of L402 as well, which may come in other fields than Authorization.
bool is_alone(const std::vector<HeaderField>& fields, std::string_view value) {
    for (const HeaderField& field : fields) {
        if (is_l402(field) || (is_payment(field) && field.second != value)) return false;
    }
    const Result<std::optional<l402::Credential>> other = l402::find_credential(fields);
    return !other || !other->has_value();
}

}  // namespace

void find_credential_fields(const http::RequestHead& head, std::vector<HeaderField>& out) {
    out.clear();
    for (const http::HeaderLine& line : head.fields) {
        const bool candidate = line.id == http::Field::authorization ||
                               (line.id == http::Field::unknown && l402::is_credential_header(line.name));
        if (candidate) out.emplace_back(line.name, line.value);
    }
}

bool offers_payment(const std::vector<HeaderField>& fields) {
    return std::any_of(fields.begin(), fields.end(), is_payment);
}

Credential read_credential(const std::vector<HeaderField>& fields, const Taken& taken) {
    if (taken.payment) {
        const auto found = std::find_if(fields.rbegin(), fields.rend(), is_payment);
        if (found != fields.rend())
            return Payment{payment::parse_credential(found->second), is_alone(fields, found->second)};
    }
    if (taken.work) {
        const auto found = std::find_if(fields.begin(), fields.end(), is_work);
        if (found != fields.end()) return Work{l402::parse_work_authorization(found->second), fields.size() == 1};
    }
    return Token{l402::find_credential(fields)};
}

}  // namespace millrace::admit
