using System.Text;
using PriceFeed;
using PriceFeed.Commands;

Console.OutputEncoding = Encoding.UTF8;

if (args.Length > 0) return await CommandLine.RunAsync(args);

await Guide.RunAsync();
return 0;
