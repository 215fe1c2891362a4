// The price source that asks another program, over HTTP: POST of the question (pricing/pricer_answer.hpp), whose answer
// is used for `cache` by everybody who asks about the same thing.
//
// Whatever is not a good answer in time - none, another status than 200, no JSON, no price - is the fallback price, or
// no price where there is none, for a second; never a lower price than was said and never a free pass. So many calls
// are under way at most as `calls` says: beyond, it is the fallback too. Answers are on the control thread; any thread
// may ask.
//
//   Pricers pricers(control.get_executor(), metrics, shard);
//   site->prices = pricers.make(config.services);          again at each reload
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/result/error.hpp"
#include "service/http/watchdog.hpp"
#include "service/metrics/pricer_figures.hpp"
#include "service/pricing/price_book.hpp"
#include "service/upstream/pool.hpp"

namespace millrace::upstream {

class Pricer final : public pricing::PriceSource, public std::enable_shared_from_this<Pricer> {
  public:
    static constexpr std::chrono::milliseconds failure_time{1000};  // until it is asked again about the same thing
    static constexpr std::size_t max_answer = 16 * 1024;

    // What it needs of the process.
    struct Surroundings {
        http::Executor executor;
        std::shared_ptr<http::Watchdog> dog;
        metrics::ThreadShard& connections;  // of the executor's thread
        metrics::ResourceMetrics& resource;
        std::shared_ptr<metrics::PricerFigures> figures;
    };

    Pricer(const std::string& service, config::Pricer settings, TlsContext tls, Surroundings around);

    [[nodiscard]] std::optional<pricing::Quoted> known(const pricing::Question& question) override;
    void ask(const pricing::Question& question, pricing::Done done) override;

    [[nodiscard]] const config::Pricer& settings() const { return settings_; }
    // Whoever waits is forgotten, and connections are closed. When no thread runs any more.
    void stop();

  private:
    using Clock = std::chrono::steady_clock;
    using Result = metrics::PricerResult;

    struct Answer {
        Result result;
        std::string text;  // the body, or what was wrong
    };

    static http::Awaitable<> call(std::shared_ptr<Pricer> self, pricing::Question question);
    http::Awaitable<Answer> exchange(std::string request, Clock::time_point deadline);
    http::Awaitable<std::unique_ptr<UpstreamConnection>> connect(http::Watch& watch, Clock::time_point deadline,
                                                                 std::string* why);
    [[nodiscard]] std::string write_request(const pricing::Question& question) const;
    [[nodiscard]] pricing::Quoted fallback(std::size_t askers);
    void note(Result result, const std::string& why);

    std::string service_;
    config::Pricer settings_;
    Group group_;
    Surroundings around_;

    std::mutex mutex_;  // guards these two
    pricing::PriceBook book_;
    bool stopped_ = false;

    // On the executor's thread:
    UpstreamPool pool_;
    bool noted_ = false;  // whether it is well was said once
};

// All pricers of the process, by service: one that a reload leaves as it was keeps what it knows.
class Pricers {
  public:
    using Sources = std::vector<std::shared_ptr<pricing::PriceSource>>;  // by index of the service

    Pricers(http::Executor executor, metrics::Metrics& metrics, std::size_t shard);
    ~Pricers();
    Pricers(const Pricers&) = delete;
    Pricers& operator=(const Pricers&) = delete;

    // Errors: of TLS files.
    [[nodiscard]] Result<Sources> make(const std::vector<config::Service>& services);
    [[nodiscard]] static Result<void> check(const std::vector<config::Service>& services);
    // Of every service that has, or had, a pricer.
    [[nodiscard]] std::vector<metrics::PricerView> figures() const;
    // When no thread runs any more, before those who wait for prices go.
    void stop();

  private:
    struct Known {
        std::string service;
        std::shared_ptr<metrics::PricerFigures> figures;
        std::vector<std::weak_ptr<Pricer>> pricers;  // the last is the newest
    };

    http::Executor executor_;
    metrics::Metrics& metrics_;
    std::size_t shard_;
    std::shared_ptr<http::Watchdog> dog_;
    bool ticking_ = false;
    std::vector<Known> known_;
};

}  // namespace millrace::upstream
