using System.Text;
using PriceFeed;
using PriceFeed.Commands;

Console.OutputEncoding = Encoding.UTF8;

return args.Length == 0 ? await Guide.RunAsync() : await CommandLine.RunAsync(args);
