// Notices that a client leaves while its answer is awaited, without reading from it: whoever holds the stream's Reading
// goes on undisturbed.
//
//   the client reset the connection, or closed a unix socket     it left, at once
//   it closed its side (a FIN, which is legal before the answer)  it left where that lasts for `half_closed`, counted
//                                                                 from the last touch()
//
// A closed TCP connection looks like the second until something is written to it.
//
//   ClientWatch leaving(worker.departures(), worker.watchdog());
//   leaving.begin(client, upstream, half_closed, whole);  ... read from the upstream, touch() ...  leaving.end();
//   if (leaving.left()) ...           meanwhile, operations on `upstream` were cancelled
//
// It begins to look only where the wait lasts, at the watchdog's next look but one: an answer that comes at once costs
// no system call.
#pragma once

#include <unordered_map>

#include "service/http/stream.hpp"
#include "service/http/watchdog.hpp"

namespace millrace::front {

class ClientWatch;

// The clients of one thread that are watched: an epoll of their own, which is told nothing but that a peer went.
class Departures {
  public:
    explicit Departures(http::Executor executor);
    ~Departures();
    Departures(const Departures&) = delete;
    Departures& operator=(const Departures&) = delete;

    // To be spawned once, on the executor.
    http::Awaitable<> run();

  private:
    friend class ClientWatch;
    // False where the kernel does not watch it.
    bool add(int descriptor, ClientWatch& watch);
    // From now on of a reset alone.
    void expect_reset(int descriptor);
    void remove(int descriptor);

    http::Executor executor_;
    int epoll_;
    std::unordered_map<int, ClientWatch*> watches_;
};

class ClientWatch {
  public:
    ClientWatch(Departures& departures, http::Watchdog& dog) : departures_(departures), patience_(dog) {}
    ~ClientWatch() { end(); }
    ClientWatch(const ClientWatch&) = delete;
    ClientWatch& operator=(const ClientWatch&) = delete;

    // The streams must outlive the watch, or end() come first. `whole`: the request has gone out; before that, whoever
    // reads its body sees a FIN, and here it counts for nothing.
    void begin(http::Stream& client, http::Stream& upstream, std::chrono::milliseconds half_closed, bool whole);
    void request_is_whole();
    // Something came from the upstream.
    void touch();
    // left() stays as it is until the next begin().
    void end();
    [[nodiscard]] bool left() const { return left_; }
    // Found out otherwise: by a write that failed.
    void set_left() { left_ = true; }
    void forget() { left_ = false; }

  private:
    friend class Departures;
    void peer_went(bool reset);
    void lose_patience();
    void leave();

    Departures& departures_;
    http::Watch patience_;
    http::Stream* upstream_ = nullptr;  // while it watches
    int descriptor_ = -1;               // of the client
    bool looking_ = false;
    std::chrono::milliseconds half_closed_{0};
    bool whole_ = false;
    bool closed_its_side_ = false;
    bool left_ = false;
};

}  // namespace millrace::front
