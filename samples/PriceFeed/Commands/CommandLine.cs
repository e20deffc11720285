using Casty.Orleans;
using Orleans.Runtime;

namespace PriceFeed.Commands;

/// <summary>What the sample does with arguments: streams between processes, over TCP.</summary>
internal static class CommandLine
{
    private const string Help = """
        PriceFeed: the streams of Casty.Orleans at work.

          PriceFeed                    the guide: five prices, and a loop that is left early, in one process
          PriceFeed web     [options]  a page that shows a stream flow, slow down and outlive a silo, until Ctrl-C
          PriceFeed silo    [options]  a silo, until Ctrl-C
          PriceFeed produce [options]  a client that writes prices until Ctrl-C, then completes the stream
          PriceFeed consume [options]  a client that reads prices until Ctrl-C or the stream's end

        web
          --port P       the page's port (5080)
          --seconds N    end by itself after N seconds

        silo
          --port P       the silo's own port (11111)
          --gateway P    the port for clients (30000)
          --primary P    the port of the first silo; its own if this is the first
          --count N      also write N prices from within the silo, as fast as they are read
          --feed NAME    ... to this stream (prices)

        produce
          --gateway P    the gateway of any silo (30000)
          --feed NAME    the stream (prices)
          --symbol S     what is traded (AAPL)
          --rate N       prices a second, 1 to 1000 (5), or max: as fast as they are read
          --count N      complete after N prices; otherwise after Ctrl-C

        consume
          --gateway P    the gateway of any silo (30000)
          --feed NAME    the stream (prices)
          --name NAME    keep the place on Ctrl-C: the next reader of this name goes on there
          --expect N     print no prices, but check that exactly N come, in order

        Two silos and two clients, each in a terminal of its own and in any order:
          PriceFeed silo
          PriceFeed silo --port 11112 --gateway 30001 --primary 11111
          PriceFeed produce
          PriceFeed consume --gateway 30001

        Exit codes: 0 all is well, 1 it failed, 2 the arguments make no sense.
        """;

    public static async Task<int> RunAsync(string[] args)
    {
        if (args.Any(arg => arg is "--help" or "-h" or "-?") || args[0] == "help")
        {
            Console.WriteLine(Help);
            return 0;
        }

        try
        {
            await RunAsync(args[0], args.AsSpan(1));
            return 0;
        }
        catch (UsageException exception)
        {
            Console.Error.WriteLine($"{exception.Message} PriceFeed --help tells what there is.");
            return 2;
        }
        catch (OperationCanceledException)
        {
            return 0;   // Ctrl-C before there was anything to leave
        }
        catch (Exception exception) when (exception is StreamException or CommandFailedException or OrleansException or TimeoutException)
        {
            Console.Error.WriteLine(exception.Message);
            return 1;
        }
    }

    private static Task RunAsync(string command, ReadOnlySpan<string> args)
    {
        switch (command)
        {
            case "web":
                var web = new Arguments(args, command, "--port", "--seconds");
                return WebCommand.RunAsync(web.Port("--port", 5080), (int?)web.Number("--seconds", 1, 86_400));

            case ChildSiloCommand.Name:
                var child = new Arguments(args, command, "--port", "--primary");
                return ChildSiloCommand.RunAsync(child.Port("--port", 0), child.Port("--primary", 0));

            case "silo":
                var silo = new Arguments(args, command, "--port", "--gateway", "--primary", "--count", "--feed");
                int port = silo.Port("--port", 11111);
                int gateway = silo.Port("--gateway", 30000);
                if (port == gateway) throw new UsageException("'--port' and '--gateway' must differ.");
                return SiloCommand.RunAsync(port, gateway, silo.Port("--primary", port),
                    silo.Text("--feed") ?? "prices", silo.Number("--count", 1, long.MaxValue));

            case "produce":
                var produce = new Arguments(args, command, "--gateway", "--feed", "--symbol", "--rate", "--count");
                return ProduceCommand.RunAsync(produce.Port("--gateway", 30000), produce.Text("--feed") ?? "prices",
                    produce.Text("--symbol") ?? "AAPL", produce.Number("--count", 1, long.MaxValue) ?? long.MaxValue, produce.Rate("--rate", 5));

            case "consume":
                var consume = new Arguments(args, command, "--gateway", "--feed", "--name", "--expect");
                return ConsumeCommand.RunAsync(consume.Port("--gateway", 30000), consume.Text("--feed") ?? "prices",
                    consume.Text("--name"), consume.Number("--expect", 0, long.MaxValue));

            default:
                throw new UsageException($"There is no command '{command}'.");
        }
    }
}
