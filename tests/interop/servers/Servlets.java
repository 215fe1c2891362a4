import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;

/** Servlets in Jetty 9. Argument: the port. */
public class Servlets {
    static class Says extends HttpServlet {
        final String name;

        Says(String name) {
            this.name = name;
        }

        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            response.setHeader("X-Served", name);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(arguments[0]));
        server.addConnector(connector);
        ServletContextHandler context = new ServletContextHandler();
        String[][] all = {
            {"open", "/docs/open"}, {"pub", "/pub/*"}, {"edit", "/docs/edit/*"}, {"dir", "/docs/dir/*"}, {"other", "/"}
        };
        for (String[] one : all) context.addServlet(new ServletHolder(new Says(one[0])), one[1]);
        server.setHandler(context);
        server.start();
        server.join();
    }
}
