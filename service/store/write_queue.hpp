// Writes that wait for the store's one writer, in the order in which they came.
//
//   queue.push(std::move(write));                       from any thread
//   while (queue.take(group)) { commit(group); ... }    the writer: all that waits by then is one group
//
// Somebody waits for most writes. Those that nobody waits for are pushed without hurry: the writer lets more of them come
// for a moment, since a commit costs the same whatever is in it. One write in a hurry takes all before it along. Uses of
// one token that were answered are one write of each group, where the first of them stood.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "service/store/writes.hpp"

namespace millrace::store {

class WriteQueue {
  public:
    struct Patience {
        std::chrono::milliseconds idle;       // how long take() waits for a first write
        std::chrono::milliseconds unhurried;  // and for more, where none is in a hurry
    };
    explicit WriteQueue(Patience patience) : patience_(patience) {}

    void push(Write write, bool hurry = true);
    void push_answered(const PaymentHash& hash, std::string_view service, std::uint64_t uses, bool hurry);
    void close();

    // Waits until there is something to write, or for as long as it is idle, and puts all that is queued into `group`,
    // which is empty before. False: it is closed, and nothing is left.
    [[nodiscard]] bool take(std::vector<Write>& group);

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::uint64_t pushed() const;  // ever

  private:
    template <class Put>
    void add(bool hurry, Put put);

    const Patience patience_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Write> waiting_;
    std::unordered_map<PaymentHash, std::size_t> answered_;  // where in it its AnsweredWrite is
    std::uint64_t pushed_ = 0;
    bool hurried_ = false;
    bool closed_ = false;
};

}  // namespace millrace::store
