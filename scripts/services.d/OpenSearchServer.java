import java.nio.file.*;
import java.util.*;
import org.codelibs.opensearch.runner.node.OpenSearchRunnerNode;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.plugins.Plugin;

/** One OpenSearch node over HTTP on 127.0.0.1. Run as a source file: java -cp 'lib/*' OpenSearchServer.java HOME PORT TRANSPORT_PORT */
public class OpenSearchServer {
  static final String[] MODULES = {
    "org.opensearch.transport.Netty4Plugin", "org.opensearch.analysis.common.CommonAnalysisPlugin",
    "org.opensearch.painless.PainlessPlugin", "org.opensearch.script.expression.ExpressionPlugin",
    "org.opensearch.script.mustache.MustachePlugin", "org.opensearch.index.mapper.MapperExtrasPlugin",
    "org.opensearch.index.reindex.ReindexPlugin", "org.opensearch.join.ParentJoinPlugin",
    "org.opensearch.ingest.common.IngestCommonPlugin", "org.opensearch.search.aggregations.matrix.MatrixAggregationPlugin",
    "org.opensearch.geo.GeoModulePlugin", "org.opensearch.percolator.PercolatorPlugin",
    "org.opensearch.index.rankeval.RankEvalPlugin",
  };

  public static void main(String[] args) throws Exception {
    Path home = Paths.get(args[0]).toAbsolutePath();
    for (String dir : new String[] {"config", "data", "logs"}) Files.createDirectories(home.resolve(dir));
    List<Class<? extends Plugin>> modules = new ArrayList<>();
    for (String name : MODULES) modules.add(Class.forName(name).asSubclass(Plugin.class));
    Settings settings = Settings.builder()
        .put("path.home", home).put("path.data", home.resolve("data")).put("path.logs", home.resolve("logs"))
        .put("cluster.name", "tailrace").put("node.name", "n1").put("discovery.type", "single-node")
        .put("network.host", "127.0.0.1").put("http.port", args[1]).put("transport.port", args[2])
        // a full disk on a developer's machine must not turn every index read-only
        .put("cluster.routing.allocation.disk.threshold_enabled", false)
        .build();
    LogConfigurator.setNodeName("n1");
    OpenSearchRunnerNode node = new OpenSearchRunnerNode(new Environment(settings, home.resolve("config")), modules);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> { try { node.close(); } catch (Exception e) { e.printStackTrace(); } }));
    node.start();
    System.out.println("started");
    Thread.currentThread().join();
  }
}
