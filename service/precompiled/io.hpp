// Precompiled where a build asks for it (-Dprecompiled=true): for the rooms of service/ that have an event loop. The
// connection's header brings most of the house.
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "service/front/session.hpp"
