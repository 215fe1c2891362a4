// What the schemes of service/admit ask of this process: the store's facts, and the node's as the gateway has them.
#pragma once

#include "service/admit/step.hpp"
#include "service/gateway/challenge_desk.hpp"
#include "service/gateway/client.hpp"
#include "service/store/store.hpp"

namespace millrace::front {

class Known final : public admit::Known {
  public:
    // The parts outlive it. Any thread.
    Known(const store::Store& store, gateway::ChallengeDesk& desk, const gateway::Client& gateway)
        : store_(store), desk_(desk), gateway_(gateway) {}

    [[nodiscard]] paywall::PaymentFacts facts(const PaymentHash& hash) const override { return store_.facts(hash); }
    [[nodiscard]] std::chrono::sys_seconds ended_before(std::string_view name) const override {
        return store_.ended_before(name);
    }
    void paid(const PaymentHash& hash) override { desk_.paid(hash); }
    [[nodiscard]] std::optional<payment::Network> network() const override { return desk_.network(); }
    [[nodiscard]] std::string node_id() const override { return gateway_.node_id(); }
    [[nodiscard]] bool sells() const override { return !desk_.closed(); }

  private:
    const store::Store& store_;
    gateway::ChallengeDesk& desk_;
    const gateway::Client& gateway_;
};

}  // namespace millrace::front
