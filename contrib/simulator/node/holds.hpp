// Stopping the simulation at a chosen point, so that a crash can be timed: the event that reaches the point is kept
// until it is released, and everything else goes on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::sim {

// Where an event is, as sim-hold names it. Empty members of a wish match everything.
struct HoldPoint {
    std::string point;  // htlc-add, htlc-remove, hook-call, plugin-reply, rpc-request, rpc-reply
    std::string node;
    std::string method;  // of hook-call, plugin-reply, rpc-request, rpc-reply
    std::string plugin;  // of hook-call, plugin-reply
};

class Holds {
  public:
    using Id = std::uint64_t;
    struct Hold {
        HoldPoint wish;
        std::uint64_t limit = 0;  // catches so many, then lets pass; 0: all
        std::uint64_t caught = 0;
        std::vector<std::function<void()>> kept;
    };

    Id add(HoldPoint wish, std::uint64_t limit) {
        holds_[next_].wish = std::move(wish);
        holds_[next_].limit = limit;
        return next_++;
    }

    // True: a hold keeps the event, `resume` will be called upon its release.
    bool keep(const HoldPoint& at, std::function<void()> resume) {
        for (auto& [id, hold] : holds_) {
            if (!matches(hold.wish, at) || (hold.limit != 0 && hold.caught >= hold.limit)) continue;
            ++hold.caught;
            hold.kept.push_back(std::move(resume));
            if (changed_) changed_();
            return true;
        }
        return false;
    }

    // Ends the hold; what it kept goes on in the order it came. False where there is no such hold.
    bool release(Id id) {
        const auto found = holds_.find(id);
        if (found == holds_.end()) return false;
        const std::vector<std::function<void()>> kept = std::move(found->second.kept);
        holds_.erase(found);
        for (const auto& resume : kept) resume();
        return true;
    }

    [[nodiscard]] const std::map<Id, Hold>& all() const { return holds_; }
    // Called after each catch.
    void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

  private:
    static bool matches(const HoldPoint& wish, const HoldPoint& at) {
        const auto fits = [](const std::string& wanted, const std::string& is) {
            return wanted.empty() || wanted == is;
        };
        return wish.point == at.point && fits(wish.node, at.node) && fits(wish.method, at.method) &&
               fits(wish.plugin, at.plugin);
    }

    std::map<Id, Hold> holds_;
    Id next_ = 1;
    std::function<void()> changed_;
};

}  // namespace millrace::sim
