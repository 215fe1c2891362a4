// Whom to tell that something about a payment has changed.
//
//   const Watchers::Watch watch = watchers.watch(id, [] { ... });      // called for each change, until the watch goes
//   ... look ...
//
//   { std::lock_guard lock(mutex); ... }                               // the change, and then, without its lock:
//   watchers.tell(id);
//
// Whoever watches first and then looks, under the lock of what changes, misses nothing. The function is called on the
// thread that tells, for one change at a time, and never once its watch has gone: the end of a watch waits for a call
// under way. It may use what it watches, and must not let go of its own watch. May be used from any thread; outlives
// its watches.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "common/ids/ids.hpp"

namespace millrace::paywall {

class Watchers {
    struct Watcher {
        std::mutex mutex;
        std::function<void()> changed;  // empty: the watch is gone
    };

  public:
    class [[nodiscard]] Watch {
      public:
        Watch(Watch&& other) noexcept
            : watchers_(other.watchers_), id_(other.id_), watcher_(std::move(other.watcher_)) {}
        Watch& operator=(Watch&&) = delete;
        ~Watch() {
            if (watcher_) watchers_.end(id_, watcher_);
        }

      private:
        friend class Watchers;
        Watch(Watchers& watchers, const PaymentHash& id, std::shared_ptr<Watcher> watcher)
            : watchers_(watchers), id_(id), watcher_(std::move(watcher)) {}

        Watchers& watchers_;
        PaymentHash id_;
        std::shared_ptr<Watcher> watcher_;
    };

    Watch watch(const PaymentHash& id, std::function<void()> changed);
    // Costs next to nothing where nobody watches anything.
    void tell(const PaymentHash& id) const;
    // Whatever they watch.
    void tell_all() const;

  private:
    using List = std::vector<std::shared_ptr<Watcher>>;
    static void call(const List& told);
    void end(const PaymentHash& id, const std::shared_ptr<Watcher>& watcher);

    mutable std::mutex mutex_;
    std::unordered_multimap<PaymentHash, std::shared_ptr<Watcher>> watchers_;
    std::atomic<std::size_t> count_{0};
};

}  // namespace millrace::paywall
