// Notices that a client leaves while its answer is awaited, without reading from it: whoever holds the stream's Reading
// goes on undisturbed.
//
//   the client reset the connection, or closed a unix socket     it left, at once
//   it closed its side (a FIN, which is legal before the answer)  it left where that lasts for `half_closed`, counted
//                                                                 from the last touch()
//
// A closed TCP connection looks like the second until something is written to it.
//
//   ClientWatch leaving(worker.watchdog());
//   leaving.begin(client, upstream, half_closed, whole);  ... read from the upstream, touch() ...  leaving.end();
//   if (leaving.left()) ...           meanwhile, operations on `upstream` were cancelled
//
// Who waits for something else meanwhile lets it wake that: leaving.wakes(&wakeup).
//
// It begins to look only where the wait lasts, at the watchdog's next look but one: an answer that comes at once costs
// no system call.
#pragma once

#include "service/async/wakeup.hpp"
#include "service/http/stream.hpp"
#include "service/http/watchdog.hpp"

namespace millrace::front {

class ClientWatch final : public http::PeerWatch {
  public:
    explicit ClientWatch(http::Watchdog& dog) : patience_(dog) {}
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
    // Told when the client leaves, too; null: nobody any more.
    void wakes(async::Wakeup* waiting) { waiting_ = waiting; }

  private:
    void peer_went(bool reset) override;
    void lose_patience();
    void leave();

    http::Watch patience_;
    http::Stream* upstream_ = nullptr;  // while it watches
    http::Stream* client_ = nullptr;    // likewise
    async::Wakeup* waiting_ = nullptr;
    bool looking_ = false;
    std::chrono::milliseconds half_closed_{0};
    bool whole_ = false;
    bool closed_its_side_ = false;
    bool left_ = false;
};

}  // namespace millrace::front
