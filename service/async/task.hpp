// A coroutine that another one awaits, and operations of Asio as what it awaits:
//
//   async::Task<std::size_t> read_all(Socket& socket) {
//       auto [failed, count] = co_await socket.async_read_some(buffer, async::use_result);
//       ...
//       co_return total;
//   }
//   async::spawn(executor, read_all(socket), "the reading");             service/async/spawn.hpp
//
// It begins where it is awaited, on the same thread and stack, and goes on where its operation completes. What one costs
// is its frame, which a thread keeps for the next of the size. Asio's own awaitable costs a frame of the heap each, and
// a second one for each operation.
//
// Who waits belongs to what it waits for: an operation that goes without a word, with its io_context, takes the whole
// chain of coroutines with it, from the spawned one down.
#pragma once

#include <boost/asio/async_result.hpp>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace millrace::async {

// The frames of coroutines, kept by the thread that frees them.
class Frames {
  public:
    static void* allocate(std::size_t size);
    static void free(void* frame, std::size_t size) noexcept;
};

// A coroutine as those it awaits see it.
class Caller {
  public:
    static void* operator new(std::size_t size) { return Frames::allocate(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { Frames::free(frame, size); }

    void resume() { self_.resume(); }
    // Ends this one and all that wait for it, which are suspended, without a word.
    void destroy_chain() {
        Caller* root = this;
        while (root->caller_) root = root->caller_;
        root->self_.destroy();
    }

  protected:
    explicit Caller(std::coroutine_handle<> self) : self_(self) {}
    [[nodiscard]] std::coroutine_handle<> caller() const { return caller_->self_; }
    void set_caller(Caller* caller) { caller_ = caller; }

  private:
    std::coroutine_handle<> self_;
    Caller* caller_ = nullptr;  // null: it was spawned
};

template <class T>
class Task;

template <class T>
class TaskPromise;

// What is common to those that answer a value and those that do not.
template <class T>
class TaskPromiseBase : public Caller {
  public:
    TaskPromiseBase()
        : Caller(std::coroutine_handle<TaskPromise<T>>::from_promise(static_cast<TaskPromise<T>&>(*this))) {}

    struct Back {
        static bool await_ready() noexcept { return false; }
        template <class Promise>
        static std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
            return ended.promise().caller();
        }
        static void await_resume() noexcept {}
    };

    Task<T> get_return_object() {
        return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(static_cast<TaskPromise<T>&>(*this)));
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static Back final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { thrown_ = std::current_exception(); }

    using Caller::caller;
    using Caller::set_caller;

  protected:
    void rethrow() const {
        if (thrown_) std::rethrow_exception(thrown_);
    }

  private:
    std::exception_ptr thrown_;
};

template <class T>
class TaskPromise : public TaskPromiseBase<T> {
  public:
    template <class U>
    void return_value(U&& value) {
        value_.emplace(std::forward<U>(value));
    }
    T take() {
        this->rethrow();
        return std::move(*value_);
    }

  private:
    std::optional<T> value_;
};

template <>
class TaskPromise<void> : public TaskPromiseBase<void> {
  public:
    static void return_void() noexcept {}
    void take() const { rethrow(); }
};

// To be awaited once, or dropped before it begins.
template <class T = void>
class [[nodiscard]] Task {
  public:
    using promise_type = TaskPromise<T>;

    explicit Task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}
    Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (coroutine_) coroutine_.destroy();
    }

    static bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        coroutine_.promise().set_caller(&caller.promise());
        return coroutine_;
    }
    T await_resume() { return coroutine_.promise().take(); }

  private:
    std::coroutine_handle<promise_type> coroutine_;
};

// co_await op(..., use_result) answers a tuple of what the operation completes with, the error code first.
struct UseResult {};
inline constexpr UseResult use_result;

// The completion handler of an operation that a coroutine waits for.
template <class Waiting, class... Args>
class Resumption {
  public:
    explicit Resumption(Waiting& waiting) : waiting_(&waiting) {}
    Resumption(Resumption&& other) noexcept : waiting_(std::exchange(other.waiting_, nullptr)) {}
    Resumption& operator=(Resumption&&) = delete;
    ~Resumption() {
        if (waiting_) waiting_->lose();
    }

    void operator()(Args... args) { std::exchange(waiting_, nullptr)->complete(std::move(args)...); }

  private:
    Waiting* waiting_;
};

template <class Initiation, class Inputs, class... Args>
class AsioOperation {
  public:
    AsioOperation(Initiation initiation, Inputs inputs)
        : initiation_(std::move(initiation)), inputs_(std::move(inputs)) {}
    AsioOperation(const AsioOperation&) = delete;
    AsioOperation& operator=(const AsioOperation&) = delete;

    static bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        caller_ = &caller.promise();
        initiating_ = true;
        std::apply(
            [this](auto&&... inputs) {
                std::move(initiation_)(Resumption<AsioOperation, Args...>(*this),
                                       std::forward<decltype(inputs)>(inputs)...);
            },
            std::move(inputs_));
        initiating_ = false;
        if (lost_) caller_->destroy_chain();
    }
    std::tuple<Args...> await_resume() { return std::move(*result_); }

  private:
    friend class Resumption<AsioOperation, Args...>;
    void complete(Args... args) {
        result_.emplace(std::move(args)...);
        caller_->resume();
    }
    // Where beginning it throws, who waits hears of that.
    void lose() {
        lost_ = true;
        if (!initiating_) caller_->destroy_chain();
    }

    Initiation initiation_;
    Inputs inputs_;
    std::optional<std::tuple<Args...>> result_;
    Caller* caller_ = nullptr;
    bool initiating_ = false;
    bool lost_ = false;
};

}  // namespace millrace::async

// No operation completes before its beginning has returned, which Asio promises.
template <class... Args>
class boost::asio::async_result<millrace::async::UseResult, void(Args...)> {
  public:
    template <class Initiation, class... Inputs>
    static auto initiate(Initiation&& initiation, const millrace::async::UseResult&, Inputs&&... inputs) {
        using Stored = std::tuple<std::decay_t<Inputs>...>;
        return millrace::async::AsioOperation<std::decay_t<Initiation>, Stored, std::decay_t<Args>...>(
            std::forward<Initiation>(initiation), Stored(std::forward<Inputs>(inputs)...));
    }
};
