using Casty.Orleans.Chaos;
using Casty.Orleans.Chaos.Processes;
using Casty.Orleans.Chaos.Roles;
using Casty.Orleans.Chaos.Soaking;

try
{
    switch (args)
    {
        case ["--help" or "-h" or "help", ..]:
            Console.WriteLine(Settings.Help);
            return 0;

        case [RoleSettings.Command, var role]:
            await Role.RunAsync(Lines.Parse<RoleSettings>(role)!);
            return 0;

        case ["soak", .. var rest]:
            return await Soak.RunAsync(rest) ? 0 : 1;

        default:
            return await Orchestrator.RunAsync(Settings.Parse(args)) ? 0 : 1;
    }
}
catch (UsageException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}
