// What one request needs while it is under way: buffers, parsers, texts. Kept in a pool of its thread, so that an idle
// connection holds none of it and a busy one allocates next to nothing. The readers keep the bytes of their heads, so
// that views of these are good until the next request begins, whatever is read meanwhile.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/l402/credential.hpp"
#include "service/front/request.hpp"
#include "service/http/buffer.hpp"
#include "service/http/message.hpp"
#include "service/paywall/request_target.hpp"

namespace millrace::front {

struct Exchange {
    static constexpr std::size_t read_size = 16 * 1024;         // of one read of a head
    static constexpr std::size_t stream_read_size = 64 * 1024;  // of one read of a body

    http::Buffer from_client;
    http::Buffer from_upstream;
    std::string to_upstream;
    std::string to_client;
    http::RequestReader request;
    http::ResponseReader response;
    paywall::RequestTarget target;
    std::string rewritten;  // the target as the upstream has it, where the service rewrites it
    std::string host;
    std::string token_headers;
    std::vector<l402::HeaderField> credential_fields;
    std::vector<std::string_view> request_payload;
    std::vector<std::string_view> response_payload;

    // Room for a read of a body.
    static char* prepare_body(http::Buffer& in, std::size_t* room) {
        return in.prepare(stream_read_size / 2, room, stream_read_size);
    }

    // A request begins.
    Request& begin() {
        clear();
        return current_.emplace();
    }
    // It has ended, and lets go of all it had.
    void end() { current_.reset(); }

    // For the next request; memory of a usual size is kept.
    void recycle() {
        end();
        clear();
        for (http::Buffer* buffer : {&from_client, &from_upstream}) {
            buffer->clear();
            if (buffer->capacity() > stream_read_size) buffer->release();
        }
        for (std::string* text : {&to_upstream, &to_client, &token_headers}) {
            text->clear();
            if (text->capacity() > stream_read_size) text->shrink_to_fit();
        }
    }

    // Nothing is left of what was read, and no view of it.
    void clear() {
        request.forget();
        response.forget();
        credential_fields.clear();
        to_client.clear();
        to_upstream.clear();
        from_upstream.clear();
        target.authority.clear();
    }

  private:
    std::optional<Request> current_;
};

// As many are kept as are in use, however many that are, and a few.
class ExchangePool {
  public:
    static constexpr std::size_t always_spare = 16;

    std::unique_ptr<Exchange> take() {
        if (spare_.empty()) return std::make_unique<Exchange>();
        std::unique_ptr<Exchange> exchange = std::move(spare_.back());
        spare_.pop_back();
        least_ = std::min(least_, spare_.size());
        return exchange;
    }
    void give_back(std::unique_ptr<Exchange> exchange) {
        exchange->recycle();
        spare_.push_back(std::move(exchange));
    }
    // Now and then: drops those that nobody has needed since the last time.
    void trim() {
        const std::size_t unused = least_ > always_spare ? least_ - always_spare : 0;
        spare_.erase(spare_.begin(), spare_.begin() + static_cast<std::ptrdiff_t>(unused));
        least_ = spare_.size();
    }
    [[nodiscard]] std::size_t spare() const { return spare_.size(); }

  private:
    std::vector<std::unique_ptr<Exchange>> spare_;
    std::size_t least_ = 0;  // that there were, since the last trim
};

}  // namespace millrace::front
