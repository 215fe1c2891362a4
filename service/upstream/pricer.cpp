#include "service/upstream/pricer.hpp"

#include <algorithm>

#include "common/codec/field_name.hpp"
#include "common/codec/log_text.hpp"
#include "service/async/spawn.hpp"
#include "service/log/log.hpp"
#include "service/pricing/pricer_answer.hpp"
#include "service/upstream/connect.hpp"
#include "service/upstream/fetch.hpp"
#include "service/upstream/tls.hpp"

namespace millrace::upstream {
namespace {

// What a Group is made of.
config::Service service_of(const std::string& name, const config::Upstream& upstream) {
    config::Service out{ServiceName::parse(name).value()};
    out.upstream = upstream;
    return out;
}

pricing::PriceBook::Bounds bounds_of(const config::Pricer& settings) {
    pricing::PriceBook::Bounds out;
    out.calls = settings.calls;
    return out;
}

Result<TlsContext> tls_of(const config::Service& service) {
    const config::Upstream& upstream = service.pricer->upstream;
    if (!upstream.addresses.front().tls) return TlsContext{};
    auto made = client_tls(upstream.tls);
    if (!made)
        return Error{made.error().code, "service \"" + service.name.text() + "\": pricer: " + made.error().message};
    return *made;
}

}  // namespace

Pricer::Pricer(const std::string& service, config::Pricer settings, TlsContext tls, Surroundings around)
    : service_(service),
      settings_(std::move(settings)),
      group_(service_of(service, settings_.upstream), std::move(tls), nullptr),
      around_(std::move(around)),
      book_(bounds_of(settings_)),
      pool_(group_.targets().front()) {}

std::optional<pricing::Quoted> Pricer::known(const pricing::Question& question) {
    std::lock_guard lock(mutex_);
    std::optional<pricing::Quoted> quoted = book_.find(question.thing, Clock::now());
    if (quoted) around_.figures->from_memory.fetch_add(1, std::memory_order_relaxed);
    return quoted;
}

void Pricer::ask(const pricing::Question& question, pricing::Done done) {
    using Book = pricing::PriceBook;
    std::unique_lock lock(mutex_);
    if (stopped_) return;  // nobody is there to be told
    Book::Answer answer = book_.ask(question.thing, Clock::now(), done);
    lock.unlock();
    if (auto* fresh = std::get_if<Book::Fresh>(&answer)) return done(fresh->quoted);
    if (std::holds_alternative<Book::Busy>(answer)) {
        around_.figures->count(Result::busy);
        return done(fallback(1));
    }
    if (std::holds_alternative<Book::Join>(answer)) {
        around_.figures->shared.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    async::spawn(around_.executor, call(shared_from_this(), question), "a question to a pricer");
}

pricing::Quoted Pricer::fallback(std::size_t askers) {
    auto& count = settings_.fallback ? around_.figures->fallbacks : around_.figures->unpriced;
    count.fetch_add(askers, std::memory_order_relaxed);
    return {settings_.fallback};
}

void Pricer::stop() {
    std::vector<pricing::Done> waiters;
    std::lock_guard lock(mutex_);
    stopped_ = true;
    waiters = book_.abandon();
    pool_.clear();
}

http::Awaitable<> Pricer::call(std::shared_ptr<Pricer> self, pricing::Question question) {
    Clock::time_point began = Clock::now();
    std::string request = self->write_request(question);
    Answer answer{Result::unreachable, "an exception"};
    try {
        answer = co_await self->exchange(std::move(request), began + self->settings_.timeout);
    } catch (...) {
        async::log_exception("a question to a pricer", std::current_exception());
    }
    std::chrono::duration<double> took = Clock::now() - began;
    pricing::Quoted quoted;
    if (answer.result == Result::ok) {
        auto read = pricing::read_answer(answer.text, self->settings_);
        if (!read) {
            answer = {Result::bad_answer, read.error().message};
        } else {
            quoted.price = read->price;
            if (read->clamped) answer.result = Result::clamped;
        }
    }
    self->around_.figures->durations.observe(took.count(), metrics::duration_bounds);
    self->note(answer.result, answer.text);
    bool good = metrics::is_good(answer.result);
    if (good) self->around_.resource.set_price(*quoted.price);
    Clock::duration fresh = good ? self->settings_.cache : std::min(self->settings_.cache, failure_time);
    if (!good) quoted.price = self->settings_.fallback;
    std::unique_lock lock(self->mutex_);
    std::vector<pricing::Done> waiters = self->book_.answered(question.thing, quoted, Clock::now(), fresh);
    lock.unlock();
    if (!good) (void)self->fallback(waiters.size());
    for (const pricing::Done& waiter : waiters) waiter(quoted);
}

std::string Pricer::write_request(const pricing::Question& question) const {
    std::string body = pricing::write_question(question);
    const auto& set = group_.header_names();
    auto is_set = [&](std::string_view name) {
        return std::any_of(set.begin(), set.end(), [&](const auto& one) { return codec::same_variable(one, name); });
    };
    std::string out = "POST " + settings_.path + " HTTP/1.1\r\n";
    if (!is_set("Host")) out += "Host: " + group_.targets().front().authority + "\r\n";
    if (!is_set("User-Agent")) out += "User-Agent: millraced/" MILLRACE_VERSION "\r\n";
    out += group_.header_lines();
    out += "Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: ";
    out += std::to_string(body.size()) + "\r\n\r\n" + body;
    return out;
}

http::Awaitable<std::unique_ptr<UpstreamConnection>> Pricer::connect(http::Watch& watch, Clock::time_point deadline,
                                                                     std::string* why) {
    const Target& target = group_.targets().front();
    Endpoints endpoints;
    http::ErrorCode failed = co_await resolve(around_.executor, target, watch, time_left(deadline), endpoints);
    if (failed) *why = why_not(failed, watch, nullptr);
    for (const http::Endpoint& endpoint : endpoints) {
        auto made = std::make_unique<UpstreamConnection>(around_.executor, around_.connections);
        failed = co_await establish(made->stream, endpoint, target, watch, time_left(deadline));
        if (!failed) co_return made;
        *why = why_not(failed, watch, &made->stream);
    }
    co_return nullptr;
}

http::Awaitable<Pricer::Answer> Pricer::exchange(std::string request, Clock::time_point deadline) {
    http::Watch watch(*around_.dog);
    FetchLimits limits{deadline, max_answer};
    pool_.drop_older(Clock::now());
    std::unique_ptr<UpstreamConnection> connection = pool_.take();
    while (connection && !connection->stream.quiet()) connection = pool_.take();
    Fetched answer;
    bool pooled = connection != nullptr;
    if (pooled) answer = co_await fetch(connection->stream, request, watch, limits);
    // It may have been closed before the question came: once more, on a new one. Asking twice changes nothing.
    bool again = pooled && !answer.fault.empty() && answer.nothing_came && !answer.timed_out;
    if (!pooled || again) {
        std::string why;
        connection = co_await connect(watch, deadline, &why);
        if (!connection) {
            Answer none{watch.expired() ? Result::timeout : Result::unreachable, std::move(why)};
            co_return none;
        }
        answer = co_await fetch(connection->stream, request, watch, limits);
    }
    if (answer.reusable) pool_.give_back(std::move(connection), Clock::now());
    Answer out{Result::ok, std::move(answer.body)};
    if (answer.timed_out)
        out = {Result::timeout, std::move(answer.fault)};
    else if (!answer.fault.empty())
        out = {Result::bad_answer, std::move(answer.fault)};
    else if (answer.status != 200)
        out = {Result::bad_status, "status " + std::to_string(answer.status)};
    co_return out;
}

// What changes is said once, not for every request.
void Pricer::note(Result result, const std::string& why) {
    around_.figures->count(result);
    bool well = metrics::is_good(result);
    bool before = around_.figures->well.exchange(well, std::memory_order_relaxed);
    bool changed = !noted_ || well != before;
    noted_ = true;
    if (!changed) return;
    if (well)
        log::info("service {}: the pricer {} answers", service_, settings_.url());
    else if (settings_.fallback)
        log::warn("service {}: no good price from {}, {} msat is asked instead: {}", service_, settings_.url(),
                  settings_.fallback->value(), codec::log_text(why));
    else
        log::warn("service {}: no good price from {}, nothing is sold until there is: {}", service_, settings_.url(),
                  codec::log_text(why));
}

Pricers::Pricers(http::Executor executor, metrics::Metrics& metrics, std::size_t shard)
    : executor_(executor), metrics_(metrics), shard_(shard), dog_(std::make_shared<http::Watchdog>()) {}

Pricers::~Pricers() {
    stop();
}

Result<void> Pricers::check(const std::vector<config::Service>& services) {
    for (const config::Service& service : services) {
        if (!service.pricer) continue;
        if (auto tls = tls_of(service); !tls) return tls.error();
    }
    return {};
}

Result<Pricers::Sources> Pricers::make(const std::vector<config::Service>& services) {
    auto fixed = std::make_shared<pricing::FixedPrices>();
    Sources out;
    for (const config::Service& service : services) {
        if (!service.pricer) {
            out.push_back(fixed);
            continue;
        }
        const std::string& name = service.name.text();
        auto known = std::find_if(known_.begin(), known_.end(), [&](const Known& one) { return one.service == name; });
        if (known == known_.end())
            known = known_.insert(known_.end(), Known{name, std::make_shared<metrics::PricerFigures>(), {}});
        std::erase_if(known->pricers, [](const auto& one) { return one.expired(); });
        std::shared_ptr<Pricer> pricer = known->pricers.empty() ? nullptr : known->pricers.back().lock();
        if (!pricer || pricer->settings() != *service.pricer) {
            auto tls = tls_of(service);
            if (!tls) return tls.error();
            Pricer::Surroundings around{executor_, dog_, metrics_.thread(shard_), metrics_.resource(name),
                                        known->figures};
            pricer = std::make_shared<Pricer>(name, *service.pricer, *tls, std::move(around));
            known->pricers.push_back(pricer);
        }
        out.push_back(std::move(pricer));
    }
    if (!known_.empty() && !ticking_) {
        ticking_ = true;
        async::spawn(executor_, keep_looking(dog_, executor_), "the watchdog of the pricers");
    }
    return out;
}

std::vector<metrics::PricerView> Pricers::figures() const {
    std::vector<metrics::PricerView> out;
    for (const Known& known : known_) out.push_back({known.service, known.figures.get()});
    return out;
}

void Pricers::stop() {
    for (const Known& known : known_) {
        for (const auto& one : known.pricers) {
            if (auto pricer = one.lock()) pricer->stop();
        }
    }
}

}  // namespace millrace::upstream
