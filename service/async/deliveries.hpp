// What other threads bring to an io_context: as much as has come together goes in one turn of its event loop, which is
// woken once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <mutex>
#include <vector>

namespace millrace::async {

// Of one io_context: asio::use_service<Deliveries>(context).
class Deliveries : public boost::asio::execution_context::service {
  public:
    using key_type = Deliveries;
    static boost::asio::execution_context::id id;

    // Handed over by deliver(), and then told one of the two.
    class Delivery {
      public:
        virtual void arrive() = 0;  // on the thread of the io_context
        virtual void lose() = 0;    // the io_context is gone before it arrived

      protected:
        ~Delivery() = default;
    };

    explicit Deliveries(boost::asio::execution_context& context);

    // From any thread, while the io_context is there.
    void deliver(Delivery& delivery);

  private:
    void shutdown() override;
    void hand_over();

    boost::asio::io_context& context_;
    std::mutex mutex_;
    std::vector<Delivery*> waiting_;
    std::vector<Delivery*> handed_over_;  // the io_context's thread's own
};

}  // namespace millrace::async
