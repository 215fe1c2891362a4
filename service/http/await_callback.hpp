// Awaits an operation that takes a callback and calls it from any thread, once.
//
//   auto start = [&](auto done) { gateway.issue(request, done); };
//   auto challenge = co_await await_callback<Result<IssuedChallenge>>(executor, start);     // resumes on `executor`
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <memory>

#include "service/http/asio.hpp"

namespace millrace::http {

template <class T, class Start>
Awaitable<T> await_callback(Executor executor, Start start) {
    auto initiate = [executor, start](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        start([executor, shared](T value) {
            asio::post(executor, [shared, value = std::move(value)]() mutable { (*shared)(std::move(value)); });
        });
    };
    return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(T)>(std::move(initiate),
                                                                                asio::use_awaitable_t<Executor>{});
}

}  // namespace millrace::http
