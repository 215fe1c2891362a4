// Bytes read and not yet consumed, in one contiguous piece of memory that grows on demand.
//
//   read into prepare(n), commit(count); look at view(); consume(count)
//
// view() stays valid until the next prepare() or consume(). What must stay for longer is pinned:
//
//   PinnedBytes head = in.pin(size);        // off the content, and where it is for as long as `head` lives
//
// A buffer never writes over pinned bytes: it reads on behind them, or goes on in another block of memory. One thread
// alone uses a buffer and what was pinned of it. Under AddressSanitizer, consumed bytes are poisoned: whoever still looks
// at them is told.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace millrace::http {

// Memory that counts its owners, of one thread.
class Block {
  public:
    Block() = default;
    explicit Block(std::size_t capacity) : header_(static_cast<Header*>(::operator new(sizeof(Header) + capacity))) {
        header_->owners = 1;
        header_->capacity = capacity;
    }
    Block(const Block& other) : header_(other.header_) {
        if (header_) ++header_->owners;
    }
    Block(Block&& other) noexcept : header_(std::exchange(other.header_, nullptr)) {}
    Block& operator=(Block other) noexcept {
        std::swap(header_, other.header_);
        return *this;
    }
    ~Block() {
        if (!header_ || --header_->owners > 0) return;
        ASAN_UNPOISON_MEMORY_REGION(data(), capacity());
        ::operator delete(header_);
    }

    [[nodiscard]] char* data() const { return header_ ? reinterpret_cast<char*>(header_ + 1) : nullptr; }
    [[nodiscard]] std::size_t capacity() const { return header_ ? header_->capacity : 0; }
    [[nodiscard]] bool shared() const { return header_ && header_->owners > 1; }

  private:
    struct Header {
        std::size_t owners;
        std::size_t capacity;
    };
    Header* header_ = nullptr;
};

// Bytes of a buffer that stay as they are and where they are, whatever becomes of the buffer.
class PinnedBytes {
  public:
    PinnedBytes() = default;
    PinnedBytes(PinnedBytes&& other) noexcept
        : block_(std::move(other.block_)), view_(std::exchange(other.view_, {})) {}
    PinnedBytes& operator=(PinnedBytes&& other) noexcept {
        block_ = std::move(other.block_);
        view_ = std::exchange(other.view_, {});
        return *this;
    }
    PinnedBytes(const PinnedBytes&) = delete;
    PinnedBytes& operator=(const PinnedBytes&) = delete;

    [[nodiscard]] std::string_view view() const { return view_; }

  private:
    friend class Buffer;
    PinnedBytes(Block block, std::string_view view) : block_(std::move(block)), view_(view) {}

    Block block_;
    std::string_view view_;
};

class Buffer {
  public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    [[nodiscard]] std::string_view view() const { return {block_.data() + begin_, end_ - begin_}; }
    [[nodiscard]] std::size_t size() const { return end_ - begin_; }
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    [[nodiscard]] std::size_t capacity() const { return block_.capacity(); }

    // Room for at least `least` bytes behind the content; `*room` is how many there are. Moves the content if it must,
    // into memory for `wanted` bytes where it takes more.
    char* prepare(std::size_t least, std::size_t* room, std::size_t wanted = 0) {
        if (capacity() - end_ < least) make_room(least, wanted > least ? wanted : least);
        *room = capacity() - end_;
        ASAN_UNPOISON_MEMORY_REGION(block_.data() + end_, *room);
        return block_.data() + end_;
    }
    void commit(std::size_t count) { end_ += count; }

    void consume(std::size_t count) {
        ASAN_POISON_MEMORY_REGION(block_.data() + begin_, count);
        begin_ += count;
        if (begin_ == end_) begin_ = end_ = floor();
    }

    // Takes the first `count` bytes off the content, and keeps them where they are.
    [[nodiscard]] PinnedBytes pin(std::size_t count) {
        std::string_view bytes = view().substr(0, count);
        begin_ += bytes.size();
        floor_ = begin_;
        return {block_, bytes};
    }

    void clear() { consume(size()); }
    void release() {
        block_ = Block();
        begin_ = end_ = 0;
    }

  private:
    // Where the bytes begin that are this buffer's alone.
    [[nodiscard]] std::size_t floor() const { return block_.shared() ? floor_ : 0; }

    void make_room(std::size_t least, std::size_t wanted) {
        std::size_t used = size();
        std::size_t at = floor();
        if (capacity() >= at + used + least) {
            ASAN_UNPOISON_MEMORY_REGION(block_.data() + at, capacity() - at);
            std::memmove(block_.data() + at, block_.data() + begin_, used);
        } else {
            Block larger(capacity() * 2 > used + wanted ? capacity() * 2 : used + wanted);
            if (used > 0) std::memcpy(larger.data(), block_.data() + begin_, used);
            block_ = std::move(larger);
            at = 0;
        }
        begin_ = at;
        end_ = at + used;
    }

    Block block_;
    std::size_t floor_ = 0;  // while the block is shared
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace millrace::http
