// Bytes read and not yet consumed, in one contiguous piece of memory that grows on demand.
//
//   read into prepare(n), commit(count); look at view(); consume(count)
//
// view() stays valid until the next prepare().
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace millrace::http {

class Buffer {
  public:
    [[nodiscard]] std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
    [[nodiscard]] std::size_t size() const { return end_ - begin_; }
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }

    // Room for at least `least` bytes behind the content; `*room` is how many there are. Moves the content if it must.
    char* prepare(std::size_t least, std::size_t* room) {
        if (capacity_ - end_ < least) make_room(least);
        *room = capacity_ - end_;
        return data_.get() + end_;
    }
    void commit(std::size_t count) { end_ += count; }

    void consume(std::size_t count) {
        begin_ += count;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    void clear() { begin_ = end_ = 0; }
    void release() {
        data_.reset();
        capacity_ = begin_ = end_ = 0;
    }

  private:
    void make_room(std::size_t least) {
        std::size_t used = size();
        if (capacity_ >= used + least) {
            std::memmove(data_.get(), data_.get() + begin_, used);
        } else {
            std::size_t larger = capacity_ * 2 > used + least ? capacity_ * 2 : used + least;
            std::unique_ptr<char[]> grown(new char[larger]);
            if (used > 0) std::memcpy(grown.get(), data_.get() + begin_, used);
            data_ = std::move(grown);
            capacity_ = larger;
        }
        begin_ = 0;
        end_ = used;
    }

    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace millrace::http
