#include "service/store/owed.hpp"

#include <utility>

namespace millrace::store {

void Owed::add(const UsageWrite& given_back) {
    Return& owed = returns_[given_back.hash];
    owed.service = given_back.service;
    owed.usage += given_back.usage;
}

void Owed::add_to(UsageTable& usage) const {
    for (const AnsweredWrite& use : uses_) usage.add(use.hash, use.service, UsageChange::used, {use.uses, 0, 0});
    for (const auto& [hash, owed] : returns_) usage.add(hash, owed.service, UsageChange::given_back, owed.usage);
}

std::vector<AnsweredWrite> Owed::take_uses() {
    releases_.clear();
    returns_.clear();
    return std::exchange(uses_, {});
}

std::string Owed::text() const {
    std::uint64_t uses = 0;
    for (const AnsweredWrite& one : uses_) uses += one.uses;
    return std::to_string(uses) + " uses that were answered, and what is to be given back to " +
           std::to_string(returns_.size()) + " tokens and " + std::to_string(releases_.size()) +
           " charges, could not be written";
}

}  // namespace millrace::store
