#include "service/gateway/client.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include "common/codec/log_text.hpp"
#include "service/async/spawn.hpp"
#include "service/log/log.hpp"

namespace millrace::gateway {

namespace asio = boost::asio;
using async::use_result;

namespace {

// A plugin that restarts is back within a second or two; one that is gone is asked every five seconds.
constexpr std::chrono::milliseconds first_retry{100};
constexpr std::chrono::milliseconds last_retry{5000};

}  // namespace

Client::Client(asio::io_context& context, std::filesystem::path socket, store::Store& store, metrics::Metrics& metrics,
               async::Published<l402::KeyRing>& keys, const paywall::SteadyWall& wall)
    : context_(context),
      path_(std::move(socket)),
      store_(store),
      metrics_(metrics),
      keys_(keys),
      wall_(wall),
      protocol_(events()),
      socket_(context),
      retry_timer_(context),
      tick_timer_(context) {}

Protocol::Events Client::events() {
    Protocol::Events events;
    events.objection = [this](const HelloReply& node) { return objection_to(node); };
    events.next_pay_index = [this](const std::string& node_id) { return store_.resume_from(node_id); };
    events.ready = [this](const HelloReply& node) {
        network_ = payment::network_of_node(node.network);
        ready_ = true;
        node_id_.publish(std::make_shared<const std::string>(node.node_id));
        node_ = node;
        metrics_.plugin_up(true);
        log::info("gateway ready: node {} ({}), network {}, plugin {}", node.node_id, codec::log_text(node.alias),
                  codec::log_text(node.network), codec::log_text(node.version));
    };
    events.keys = [this](const Keys& keys) {
        keys_.publish(std::make_shared<const l402::KeyRing>(key_ring(keys)));
        if (keys_came_) keys_came_();
        log::info("token keys: {} usable, epoch {} signs", keys.epochs.size(), keys.current);
    };
    events.settlement = [this](const std::string& node_id, const Settlement& settlement) {
        record(node_id, settlement);
    };
    events.node = [this](const NodeFigures& figures) { note_figures(figures); };
    events.answered = [this](std::string_view method, std::chrono::duration<double> took) {
        metrics_.rpc(method, took);
        if (method == "issue") metrics_.invoice_created(took);
    };
    return events;
}

std::optional<Error> Client::objection_to(const HelloReply& node) {
    const std::optional<std::string> home = store_.home_node();
    const std::optional<std::string> known = named_node_.empty() ? home : std::optional(named_node_);
    foreign_node_.clear();
    if (known && *known != node.node_id) {
        foreign_node_ = "the gateway belongs to node " + codec::log_text(node.node_id) +
                        ", and this service sells for node " + *known +
                        ": name another socket as node.gateway, or the new node as node.id";
        return Error{to_error_code(ClientErrc::foreign_node), foreign_node_};
    }
    if (home != node.node_id) {
        store_.remember_node(node.node_id, [node_id = node.node_id](const Result<void>& stored) {
            if (!stored)
                log::error("could not store node {} as the one to sell for: {}", node_id, stored.error().message);
        });
    }
    return std::nullopt;
}

void Client::note_figures(const NodeFigures& figures) {
    const bool grown = !figures_ || figures.receivable > figures_->receivable;
    const std::optional<Unpayable> before = unpayable_.exchange(figures.unpayable);
    if (figures.unpayable && before != figures.unpayable) {
        log::warn("nobody can pay the node: {}; new challenges are 503, paid tokens keep working",
                  name(*figures.unpayable));
    } else if (before && !figures.unpayable) {
        log::info("the node can be paid again");
    }
    figures_ = figures;
    if (grown) above_receivable_.reset();
    metrics_.node(figures);
    metrics_.priced_above_receivable(above_receivable_.has_value());
}

void Client::note_warnings(const IssuedChallenge& challenge) {
    if (!challenge.warnings.empty()) {
        if (!above_receivable_) {
            log::warn("the node may be unable to receive an invoice of {} msat: {}", challenge.amount.value(),
                      codec::log_text(challenge.warnings.front().second));
        }
        above_receivable_ = std::min(above_receivable_.value_or(challenge.amount), challenge.amount);
    } else if (above_receivable_ && challenge.amount >= *above_receivable_) {
        above_receivable_.reset();
    }
    metrics_.priced_above_receivable(above_receivable_.has_value());
}

bool Client::is_taken(const PaymentHash& hash) const {
    const paywall::PaymentFacts facts = store_.facts(hash);
    return facts.settled_at || facts.first_used_at || facts.charged || facts.revoked;
}

void Client::start() {
    async::spawn(context_.get_executor(), keep_connected(), "the connection to the gateway");
    async::spawn(context_.get_executor(), tick(), "the clock of the gateway");
}

void Client::stop() {
    stopped_ = true;
    retry_timer_.cancel();
    tick_timer_.cancel();
    close("the service stops");
}

void Client::issue(IssueRequest request, IssueDone done) {
    asio::post(context_, [this, request = std::move(request), done = std::move(done)]() mutable {
        auto counted = [this, service = request.service, done = std::move(done)](Result<IssuedChallenge> challenge) {
            issued(service, challenge);
            done(std::move(challenge));
        };
        protocol_.issue(std::move(request), Protocol::Clock::now(), std::move(counted));
        write_more();
    });
}

void Client::refund(RefundRequest request, RefundDone done) {
    asio::post(context_, [this, request = std::move(request), done = std::move(done)]() mutable {
        protocol_.refund(request, Protocol::Clock::now(), std::move(done));
        write_more();
    });
}

void Client::issued(const ServiceName& service, const Result<IssuedChallenge>& challenge) {
    metrics_.invoice(challenge ? metrics::InvoiceResult::created : metrics::InvoiceResult::error);
    if (!challenge) return;
    note_warnings(*challenge);
    OpenInvoices::Invoice invoice{service.text(), challenge->amount, std::chrono::system_clock::now(),
                                  challenge->expires_at};
    open_invoices_.add(challenge->payment_hash, std::move(invoice));
    metrics_.invoices_open(open_invoices_.size());
}

// Whatever ends a connection, there is another one.
async::Task<> Client::keep_connected() {
    while (!stopped_) {
        try {
            co_await connect_again_and_again();
        } catch (...) {
            async::log_exception("the connection to the gateway", std::current_exception());
            connected_ = false;
            ready_ = false;
            protocol_.disconnected("an exception");
        }
        if (stopped_) break;
        retry_timer_.expires_after(last_retry);
        co_await retry_timer_.async_wait(use_result);
    }
}

async::Task<> Client::connect_again_and_again() {
    std::chrono::milliseconds pause = first_retry;
    bool told = false;
    while (!stopped_) {
        socket_ = Socket(context_);
        asio::local::stream_protocol::endpoint endpoint(path_.string());
        auto [failed] = co_await socket_.async_connect(endpoint, use_result);
        if (stopped_) break;
        if (failed) {
            // Said once, not every five seconds.
            if (!told) log::warn("gateway {}: {}; trying again until it answers", path_.string(), failed.message());
            told = true;
        } else {
            not_stored_ = false;
            bool was_ready = false;
            Error ended = co_await serve_connection(&was_ready);
            // What could not be stored is asked for again, more and more slowly while it cannot.
            was_ready = was_ready && !not_stored_;
            metrics_.plugin_up(false);
            if (stopped_) break;
            if (was_ready || !told)
                log::warn("gateway lost: {}; trying again until it answers", codec::log_text(ended.message));
            told = true;
            if (was_ready) {
                pause = first_retry;
                told = false;
            }
        }
        retry_timer_.expires_after(pause);
        co_await retry_timer_.async_wait(use_result);
        pause = std::min(pause * 2, last_retry);
    }
}

// Until the connection ends, and why. `was_ready`: whether it ever was.
async::Task<Error> Client::serve_connection(bool* was_ready) {
    connected_ = true;
    ++connection_;
    close_reason_.clear();
    protocol_.connected(Protocol::Clock::now());
    write_more();
    std::string input;
    Result<void> good;
    std::string reason;
    while (good) {
        std::size_t before = input.size();
        input.resize(before + 16 * 1024);
        auto buffer = asio::buffer(input.data() + before, input.size() - before);
        auto [failed, count] = co_await socket_.async_read_some(buffer, use_result);
        input.resize(before + count);
        if (failed) {
            reason = close_reason_.empty() ? failed.message() : close_reason_;
            break;
        }
        std::size_t at = 0;
        for (std::size_t end = input.find('\n', at); good && end != std::string::npos; end = input.find('\n', at)) {
            good = protocol_.receive(std::string_view(input).substr(at, end - at), Protocol::Clock::now());
            at = end + 1;
        }
        input.erase(0, at);
        if (good && input.size() > max_line) good = fail(ClientErrc::bad_answer, "a message of more than 1 MiB");
        write_more();
    }
    connected_ = false;
    boost::system::error_code ignored;
    socket_.close(ignored);
    Error ended = good ? fail(ClientErrc::unavailable, reason) : good.error();
    // Before anybody hears that the connection is gone.
    *was_ready = ready_.exchange(false);
    protocol_.disconnected(ended.message);
    co_return ended;
}

void Client::write_more() {
    if (!connected_ || !writing_.empty()) return;
    writing_ = protocol_.take_output(Protocol::Clock::now());
    if (writing_.empty()) return;
    // What is written next may belong to the connection after this one.
    auto written = [this, connection = connection_](boost::system::error_code failed, std::size_t) {
        writing_.clear();
        if (failed && connected_ && connection == connection_)
            close(failed.message());
        else
            write_more();
    };
    asio::async_write(socket_, asio::buffer(writing_), std::move(written));
}

void Client::close(std::string why) {
    if (!connected_) {
        boost::system::error_code ignored;
        socket_.close(ignored);
        return;
    }
    close_reason_ = std::move(why);
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.cancel(ignored);
}

async::Task<> Client::tick() {
    while (!stopped_) {
        tick_timer_.expires_after(std::chrono::seconds(1));
        co_await tick_timer_.async_wait(use_result);
        if (stopped_) break;
        if (Result<void> alive = protocol_.expire(Protocol::Clock::now()); !alive && connected_)
            close(alive.error().message);
        std::size_t expired = open_invoices_.expire(std::chrono::system_clock::now());
        for (std::size_t i = 0; i < expired; ++i) metrics_.invoice(metrics::InvoiceResult::expired);
        metrics_.invoices_open(open_invoices_.size());
    }
}

void Client::record(const std::string& node_id, const Settlement& told) {
    Settlement settlement = told;
    settlement.settled_at = wall_.dated(told.settled_at, std::chrono::system_clock::now());
    store_.record_settlement(node_id, settlement, [this, settlement](Result<bool> is_new) {
        asio::post(context_, [this, settlement, is_new = std::move(is_new)] { recorded(settlement, is_new); });
    });
}

void Client::recorded(const Settlement& settlement, const Result<bool>& is_new) {
    if (!is_new) {
        // The cursor has not moved: a new connection gets it again.
        if (!std::exchange(not_stored_, true))
            log::error("could not store settlement {}: {}", settlement.pay_index, is_new.error().message);
        close("a settlement could not be stored");
        return;
    }
    if (!*is_new) return;
    if (settled_) settled_(settlement.payment_hash);
    metrics_.paid(settlement.service, settlement.amount_received);
    log::info("paid: {} msat for {} (pay_index {})", settlement.amount_received.value(),
              settlement.service.empty() ? std::string("an unknown service") : codec::log_text(settlement.service),
              settlement.pay_index);
    if (auto issued_at = open_invoices_.paid(settlement.payment_hash)) {
        metrics_.invoice(metrics::InvoiceResult::paid);
        metrics_.invoice_settled(std::chrono::system_clock::now() - *issued_at);
        metrics_.invoices_open(open_invoices_.size());
    }
}

}  // namespace millrace::gateway
