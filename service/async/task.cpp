#include "service/async/task.hpp"

#include <array>
#include <new>

namespace millrace::async {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool keeps_frames = false;  // so that a use after the end is seen
#else
constexpr bool keeps_frames = true;
#endif

constexpr std::size_t step = 64;
constexpr std::size_t largest = 4096;
constexpr unsigned kept_of_a_size = 256;

struct Free {
    Free* next;
};

// The thread's, by size in steps.
class Kept {
  public:
    Kept() = default;
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    ~Kept() {
        for (List& list : lists_) {
            while (void* frame = list.take()) ::operator delete(frame);
        }
        gone = true;
    }

    struct List {
        Free* first = nullptr;
        unsigned count = 0;

        void* take() {
            Free* frame = first;
            if (!frame) return nullptr;
            first = frame->next;
            --count;
            return frame;
        }
        bool put(void* frame) {
            if (count >= kept_of_a_size) return false;
            first = ::new (frame) Free{first};
            ++count;
            return true;
        }
    };
    List& of(std::size_t steps) { return lists_.at(steps); }

    static thread_local bool gone;  // a frame may be freed behind the end of its thread's lists

  private:
    std::array<List, largest / step + 1> lists_{};
};

thread_local bool Kept::gone = false;
thread_local Kept kept;

std::size_t steps_of(std::size_t size) {
    return (size + step - 1) / step;
}

}  // namespace

void* Frames::allocate(std::size_t size) {
    if (!keeps_frames || size > largest || Kept::gone) return ::operator new(size);
    const std::size_t steps = steps_of(size);
    void* frame = kept.of(steps).take();
    return frame ? frame : ::operator new(steps* step);
}

void Frames::free(void* frame, std::size_t size) noexcept {
    const bool keep = keeps_frames && size <= largest && !Kept::gone;
    if (!keep || !kept.of(steps_of(size)).put(frame)) ::operator delete(frame);
}

}  // namespace millrace::async
