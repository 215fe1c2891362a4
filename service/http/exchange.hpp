// What one request needs while it is under way: buffers, parsers, texts. Kept in a pool of its thread, so that an idle
// connection holds none of it and a busy one allocates next to nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/l402/credential.hpp"
#include "service/http/buffer.hpp"
#include "service/http/message.hpp"
#include "service/paywall/request_target.hpp"

namespace millrace::http {

struct Exchange {
    static constexpr std::size_t read_size = 16 * 1024;         // of one read of a head
    static constexpr std::size_t stream_read_size = 64 * 1024;  // of one read of a body

    Buffer from_client;
    Buffer from_upstream;
    std::string to_upstream;
    std::string to_client;
    RequestReader request;
    ResponseReader response;
    paywall::RequestTarget target;
    std::string rewritten;  // the target as the upstream has it, where the service rewrites it
    std::string host;
    std::string token_headers;
    std::vector<l402::HeaderField> credential_fields;
    std::vector<std::string_view> request_payload;
    std::vector<std::string_view> response_payload;

    // For the next request; memory of a usual size is kept.
    void recycle() {
        for (Buffer* buffer : {&from_client, &from_upstream}) {
            buffer->clear();
            if (buffer->capacity() > stream_read_size) buffer->release();
        }
        for (std::string* text : {&to_upstream, &to_client, &token_headers}) {
            text->clear();
            if (text->capacity() > stream_read_size) text->shrink_to_fit();
        }
    }
};

class ExchangePool {
  public:
    static constexpr std::size_t max_spare = 64;

    std::unique_ptr<Exchange> take() {
        if (spare_.empty()) return std::make_unique<Exchange>();
        std::unique_ptr<Exchange> exchange = std::move(spare_.back());
        spare_.pop_back();
        return exchange;
    }
    void give_back(std::unique_ptr<Exchange> exchange) {
        if (spare_.size() >= max_spare) return;
        exchange->recycle();
        spare_.push_back(std::move(exchange));
    }

  private:
    std::vector<std::unique_ptr<Exchange>> spare_;
};

}  // namespace millrace::http
