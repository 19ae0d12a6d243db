// Private to net/: a connection's socket, and what it needs only until it is open.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/connection.h"
#include "net/upgrade.h"

namespace dim {

class Gate;

// With the executor's type known nothing is allocated or called through a table for it.
using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

struct Connection::Io {
  explicit Io(Socket&& opened) : socket(std::move(opened)) {}
  Socket socket;
};

struct Connection::Setup {
  std::shared_ptr<const TlsContext> tls;  // nullptr: no TLS
  std::string server_name;
  std::optional<UpgradeServer> upgrade;
  std::optional<UpgradeClient> ask;
  std::shared_ptr<Gate> gate;  // servers
  bool in_gate = false;        // runs or waits there
  bool waiting = false;
  std::function<void(std::shared_ptr<Connection>)> opened;
  std::function<void(const Error&)> failed;  // clients
};

}  // namespace dim
