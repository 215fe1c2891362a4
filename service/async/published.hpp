// An immutable value that one thread replaces and many read on the path of every request.
//
//   Published<KeyRing> keys;                      keys.publish(std::make_shared<const KeyRing>(...));
//   Published<KeyRing>::Reader reader(keys);      one a thread
//   if (const KeyRing* ring = reader.get()) ...   one relaxed load as long as nothing was published; null before that
//
// What get() answered stays valid until the next get() of the same reader; hold() keeps it longer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace millrace::async {

template <class T>
class Published {
  public:
    void publish(std::shared_ptr<const T> value) {
        std::lock_guard lock(mutex_);
        value_ = std::move(value);
        version_.fetch_add(1, std::memory_order_release);
    }

    [[nodiscard]] std::shared_ptr<const T> load() const {
        std::lock_guard lock(mutex_);
        return value_;
    }

    class Reader {
      public:
        explicit Reader(const Published& source) : source_(source) {}

        const T* get() {
            refresh();
            return value_.get();
        }
        std::shared_ptr<const T> hold() {
            refresh();
            return value_;
        }
        // Changes with each publication; as of the last get().
        [[nodiscard]] std::uint64_t version() const { return version_; }

      private:
        void refresh() {
            std::uint64_t current = source_.version_.load(std::memory_order_acquire);
            if (current == version_) return;
            // A reference count of the reader's own: threads do not contend for one when they hold().
            auto own = std::make_shared<std::shared_ptr<const T>>(source_.load());
            value_ = std::shared_ptr<const T>(own, own->get());
            version_ = current;
        }

        const Published& source_;
        std::shared_ptr<const T> value_;
        std::uint64_t version_ = 0;
    };

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
    std::atomic<std::uint64_t> version_{0};
};

}  // namespace millrace::async
