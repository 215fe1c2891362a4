#include "common/l402/grant.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace millrace::l402 {

void Limits::no_more_than(const Limits& other) {
    price_.no_more_than(other.price_);
    credit_.no_more_than(other.credit_);
    until_.no_more_than(other.until_);
    tiers_ |= other.tiers_;
    if (other.capabilities_) capabilities(*other.capabilities_);
    if (other.route_) route(*other.route_);
}

void Limits::capabilities(std::vector<std::string> sorted) {
    if (!capabilities_) {
        capabilities_ = std::move(sorted);
        return;
    }
    std::vector<std::string> both;
    std::set_intersection(capabilities_->begin(), capabilities_->end(), sorted.begin(), sorted.end(),
                          std::back_inserter(both));
    capabilities_ = std::move(both);
}

void Limits::route(std::string_view name) {
    route_ = !route_ || *route_ == name ? std::string(name) : std::string();
}

unsigned Limits::lowest_tier() const {
    for (unsigned number = 0; number <= max_tier; ++number) {
        if (tiers_.test(number)) return number;
    }
    return 0;
}

Limits nothing() {
    Limits out;
    out.price(Msat(0));
    out.credit(Msat(0));
    out.capabilities({});
    out.route({});
    return out;
}

}  // namespace millrace::l402
