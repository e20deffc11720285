using Casty.Orleans.Benchmarks;

Settings settings;
try
{
    settings = Settings.Parse(args);
    foreach (string file in settings.Markdown) Report.Check(file);
}
catch (UsageException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}

if (settings.IsHelp)
{
    Console.WriteLine(Settings.Help);
    return 0;
}

if (settings.IsList)
{
    foreach (var (table, _) in Scenarios.All) Console.WriteLine(table);
    return 0;
}

await using var bench = new Bench(settings, await BenchmarkCluster.StartAsync());
if (settings.Curves is { } directory)
{
    await Curves.DrawAsync(bench.Cluster, directory);
    return 0;
}

foreach (var (table, run) in Scenarios.All) await run(bench, table);

if (bench.Report.IsEmpty)
{
    Console.Error.WriteLine($"Nothing has '{settings.Only}' in its name. --list names the tables.");
    return 2;
}

Console.WriteLine(bench.Report);
foreach (string file in settings.Markdown) bench.Report.Write(file);
return 0;
