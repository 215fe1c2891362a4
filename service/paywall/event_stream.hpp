// A body of Server-Sent Events, taken apart: what is sold by the event is counted by the event.
//
//   stream := event*        event := line* blank line        line := any (LF | CR LF | CR)
//   https://html.spec.whatwg.org/multipage/server-sent-events.html
//
//   EventStream events;
//   events.feed(bytes);
//   while (auto event = events.next()) ...          // complete ones, byte for byte
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::paywall {

class EventStream {
  public:
    // An event that is larger than this comes in parts.
    static constexpr std::size_t max_event = 1024 * 1024;

    struct Event {
        std::string text;       // with the blank line that ends it
        bool has_data = false;  // else a comment or a setting, which nobody is shown
        bool is_done = false;   // its data are "[DONE]", by which some streams say that they end
    };

    void feed(std::string_view bytes) { buffer_.append(bytes); }
    // The next event that is complete.
    [[nodiscard]] std::optional<Event> next();
    // At the end of the body: what is left, which no blank line ended, with one. Empty text: nothing.
    [[nodiscard]] Event rest();

  private:
    void look_at(std::string_view line);
    std::string take_all();

    std::string buffer_;
    std::size_t line_ = 0;  // where the line begins that is not complete yet
    std::size_t scanned_ = 0;
    bool has_data_ = false;
    bool is_done_ = false;
};

}  // namespace millrace::paywall
