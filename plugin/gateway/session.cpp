#include "plugin/gateway/session.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/array.hpp>
#include <utility>

namespace millrace::gateway {

namespace asio = boost::asio;
namespace bj = boost::json;

namespace {

constexpr std::size_t max_queue = 4 * 1024 * 1024;  // bytes: more waiting for a client ends it
constexpr std::size_t feed_threshold = 256 * 1024;  // bytes: the feed waits while more is queued
constexpr std::size_t max_under_way = 32;           // requests at a time
constexpr std::size_t feed_page = 100;              // settlements
constexpr std::chrono::seconds write_patience{30};  // in which the client must take something
constexpr std::chrono::seconds start_patience{10};
constexpr std::chrono::seconds feed_retry{1};

bool same(const NodeFigures& left, const NodeFigures& right) {
    return to_json(left) == to_json(right);
}

RpcError unpayable(Unpayable why) {
    return {static_cast<int>(RpcCode::not_ready),
            why == Unpayable::no_channels
                ? "the node has no open channel: nobody can pay it"
                : "the node is off line, none of its channels is connected: nobody can pay it"};
}

bj::object to_json(const invoicing::Issuer::Outcome& outcome) {
    if (const auto* error = std::get_if<RpcError>(&outcome)) return {{"error", to_json(*error)}};
    return {{"result", to_json(std::get<IssuedChallenge>(outcome))}};
}

// One challenge of a batch. `left` counts down; the last one wakes who waits.
asio::awaitable<void> issue_one(invoicing::Issuer& issuer, IssueRequest request,
                                std::shared_ptr<std::vector<bj::object>> results, std::size_t at,
                                std::shared_ptr<std::size_t> left, std::shared_ptr<host::Signal> done) {
    invoicing::Issuer::Outcome outcome = RpcError{static_cast<int>(RpcCode::node_failed), "internal error"};
    try {
        outcome = co_await issuer.issue(std::move(request));
    } catch (const std::exception&) {
        // The client learns that there is no challenge; the reason is not for it.
    }
    (*results)[at] = to_json(outcome);
    if (--*left == 0) done->notify();
}

}  // namespace

Session::Session(Socket socket, const Services& services, std::chrono::milliseconds hello_patience, Watcher watcher)
    : socket_(std::move(socket)),
      services_(services),
      hello_patience_(hello_patience),
      watcher_(std::move(watcher)),
      to_write_(socket_.get_executor()),
      written_some_(socket_.get_executor()),
      served_(socket_.get_executor()),
      news_(socket_.get_executor()) {}

void Session::start() {
    const auto self = shared_from_this();
    const auto keep = [self](const std::exception_ptr&) { self->close(); };
    asio::co_spawn(socket_.get_executor(), read(), keep);
    asio::co_spawn(socket_.get_executor(), write(), keep);
    asio::co_spawn(socket_.get_executor(), watch_progress(), keep);
    asio::co_spawn(socket_.get_executor(), wait_for_hello(), [self](const std::exception_ptr&) {});
}

void Session::close() {
    if (closed_) return;
    closed_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
    to_write_.notify();
    written_some_.notify();
    served_.notify();
    news_.notify();
    watcher_.ended();
}

void Session::cut_off(std::string_view why) {
    if (!closed_)
        services_.log.warn("gateway client " + (client_.empty() ? "(no name)" : client_) +
                           " is cut off: " + std::string(why));
    close();
}

// --- in

asio::awaitable<void> Session::read() {
    std::string buffer;
    while (!closed_) {
        boost::system::error_code error;
        const std::size_t size = co_await asio::async_read_until(socket_, asio::dynamic_buffer(buffer, max_line), '\n',
                                                                 asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::not_found) cut_off("a line is longer than " + std::to_string(max_line) + " bytes");
        if (error) break;
        on_line(std::string_view(buffer).substr(0, size - 1));
        buffer.erase(0, size);
        while (under_way_ >= max_under_way && !closed_) co_await served_.wait();
        if (refused_) break;
    }
    // What was said to a client that is refused goes out before the socket closes.
    while (refused_ && !closed_ && (!outgoing_.empty() || in_writing_ > 0)) co_await written_some_.wait();
}

asio::awaitable<void> Session::wait_for_hello() {
    co_await host::pause(socket_.get_executor(), hello_patience_);
    if (closed_ || protocol_.greeted()) co_return;
    services_.log.debug("a gateway client said no hello in time");
    close();
}

void Session::on_line(std::string_view line) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    auto message = protocol_.on_line(line);
    if (const auto* refusal = std::get_if<Refusal>(&message)) {
        send(error_line(refusal->id, refusal->error));
        return;
    }
    if (std::holds_alternative<HelloCall>(std::get<Request>(message).call) && !watcher_.greeted()) {
        send(error_line(
            std::get<Request>(message).id,
            {static_cast<int>(RpcCode::rate_limited), "the gateway has as many clients as it takes: try again later"}));
        refused_ = true;
        return;
    }
    ++under_way_;
    const auto self = shared_from_this();
    asio::co_spawn(socket_.get_executor(), serve(std::move(std::get<Request>(message))),
                   [self](const std::exception_ptr& thrown) {
                       if (thrown) self->cut_off("internal error");
                       --self->under_way_;
                       self->served_.notify();
                   });
}

asio::awaitable<void> Session::serve(Request request) {
    const std::string id = std::move(request.id);
    const auto* subscribe = std::get_if<SubscribeCall>(&request.call);
    const std::optional<std::uint64_t> from =
        subscribe != nullptr ? std::optional(subscribe->next_pay_index) : std::nullopt;
    const auto reply = co_await answer(std::move(request.call));
    if (const auto* error = std::get_if<RpcError>(&reply)) {
        send(error_line(id, *error));
        co_return;
    }
    send(result_line(id, std::get<bj::object>(reply)));
    if (from && !closed_) {
        subscribed_ = true;
        watcher_.subscribed();
        const auto self = shared_from_this();
        asio::co_spawn(socket_.get_executor(), feed(*from), [self](const std::exception_ptr&) { self->close(); });
    }
}

asio::awaitable<std::variant<bj::object, RpcError>> Session::answer(Call call) {
    if (!co_await services_.ready.wait(start_patience)) {
        co_return RpcError{static_cast<int>(RpcCode::not_ready), "millrace is still starting"};
    }
    if (const auto* hello = std::get_if<HelloCall>(&call)) {
        client_ = hello->client;
        const node::Identity& node = services_.node.identity();
        co_return to_json(HelloReply{protocol_version, MILLRACE_VERSION, node.id, node.alias, node.network,
                                     services_.node.figures().blockheight});
    }
    if (std::holds_alternative<IssueCall>(call) || std::holds_alternative<BatchCall>(call)) {
        // An operator who asks by a command is warned; a client of the service would be asked to pay what nobody can.
        if (const auto why = services_.node.figures().unpayable) co_return unpayable(*why);
    }
    if (auto* issue = std::get_if<IssueCall>(&call)) {
        const auto outcome = co_await services_.issuer.issue(std::move(issue->request));
        if (const auto* error = std::get_if<RpcError>(&outcome)) co_return *error;
        co_return to_json(std::get<IssuedChallenge>(outcome));
    }
    if (auto* batch = std::get_if<BatchCall>(&call)) {
        bj::object result = co_await issue_batch(std::move(*batch));
        co_return result;
    }
    if (auto* refund = std::get_if<RefundCall>(&call)) {
        const auto outcome = co_await services_.refunder.refund(std::move(refund->request));
        if (const auto* error = std::get_if<RpcError>(&outcome)) co_return *error;
        co_return to_json(std::get<RefundReply>(outcome));
    }
    if (std::holds_alternative<KeysCall>(call)) co_return to_json(services_.keys.usable_keys());
    if (const auto* subscribe = std::get_if<SubscribeCall>(&call)) {
        co_return bj::object{{"next_pay_index", subscribe->next_pay_index}};
    }
    co_return services_.status();
}

// All at once: their signatures are pipelined on one connection to lightningd.
asio::awaitable<bj::object> Session::issue_batch(BatchCall call) {
    const auto executor = socket_.get_executor();
    const auto results = std::make_shared<std::vector<bj::object>>(call.items.size());
    const auto left = std::make_shared<std::size_t>(call.items.size());
    const auto done = std::make_shared<host::Signal>(executor);
    for (std::size_t i = 0; i < call.items.size(); ++i) {
        if (const auto* error = std::get_if<RpcError>(&call.items[i])) {
            (*results)[i] = {{"error", to_json(*error)}};
            --*left;
            continue;
        }
        IssueRequest request = std::move(std::get<IssueRequest>(call.items[i]));
        asio::co_spawn(executor, issue_one(services_.issuer, std::move(request), results, i, left, done),
                       asio::detached);
        // An HTLC that arrives meanwhile goes first.
        co_await asio::post(executor, asio::use_awaitable);
    }
    while (*left > 0) co_await done->wait();
    bj::array answers;
    for (bj::object& one : *results) answers.push_back(std::move(one));
    co_return bj::object{{"batch", std::move(answers)}};
}

// --- out

void Session::send(std::string line) {
    if (closed_) return;
    if (outgoing_.size() + in_writing_ + line.size() > max_queue) {
        cut_off("it does not read what it asks for");
        return;
    }
    outgoing_ += line;
    to_write_.notify();
}

asio::awaitable<void> Session::write() {
    while (!closed_) {
        if (outgoing_.empty()) {
            co_await to_write_.wait();
            continue;
        }
        const std::string batch = std::exchange(outgoing_, {});
        in_writing_ = batch.size();
        while (in_writing_ > 0) {
            boost::system::error_code error;
            const std::size_t size =
                co_await socket_.async_write_some(asio::buffer(batch.data() + batch.size() - in_writing_, in_writing_),
                                                  asio::redirect_error(asio::use_awaitable, error));
            if (error) co_return;
            in_writing_ -= size;
            written_ += size;
        }
        written_some_.notify();
    }
}

asio::awaitable<void> Session::watch_progress() {
    while (!closed_) {
        const std::uint64_t before = written_;
        const bool waiting = in_writing_ > 0;
        co_await host::pause(socket_.get_executor(), write_patience);
        if (waiting && in_writing_ > 0 && written_ == before) cut_off("it takes nothing any more");
    }
}

// --- the feed

void Session::wake() {
    fresh_news_ = true;
    news_.notify();
}

void Session::send_keys() {
    if (subscribed_) send(notice_line("keys", to_json(services_.keys.usable_keys())));
}

void Session::send_figures() {
    const NodeFigures& figures = services_.node.figures();
    if (figures_sent_ && same(*figures_sent_, figures)) return;
    figures_sent_ = figures;
    send(notice_line("node", {{"node", to_json(figures)}}));
}

asio::awaitable<void> Session::feed(std::uint64_t next_pay_index) {
    while (!closed_) {
        fresh_news_ = false;
        send_figures();
        const auto page = co_await services_.settlements.read(next_pay_index, feed_page);
        if (!page) {
            co_await host::pause(socket_.get_executor(), feed_retry);
            continue;
        }
        for (const Settlement& settlement : page->settlements)
            send(notice_line("settlement", {{"settlement", to_json(settlement)}}));
        next_pay_index = page->next;
        while (outgoing_.size() + in_writing_ > feed_threshold && !closed_) co_await written_some_.wait();
        while (page->at_end && !fresh_news_ && !closed_) co_await news_.wait();
    }
}

}  // namespace millrace::gateway
