using System.Reflection;
using Orleans.Hosting;
using PublicApiGenerator;

namespace Casty.Orleans.Approval.Tests;

/// <summary>Nothing public comes, goes or changes unseen. What Orleans generates is not for anybody to call.</summary>
public sealed class PublicApiTests
{
    public static TheoryData<Assembly> Assemblies => [typeof(CastyStreamsOptions).Assembly, typeof(CastyStreamsSiloBuilderExtensions).Assembly];

    [Theory, MemberData(nameof(Assemblies))]
    public void PublicApi_IsTheApprovedOne(Assembly assembly) => Approved.Is($"{assembly.GetName().Name}.cs.txt", assembly.GeneratePublicApi(new ApiGeneratorOptions
    {
        IncludeAssemblyAttributes = false,
        DenyNamespacePrefixes = ["OrleansCodeGen"],
    }));
}
