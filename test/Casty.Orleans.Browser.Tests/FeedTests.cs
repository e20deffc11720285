using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using Xunit;

namespace Casty.Orleans.Browser.Tests;

/// <summary>What the page is told and may ask for, without a browser.</summary>
public sealed partial class FeedTests(Sample sample) : IClassFixture<Sample>
{
    private const int BufferSize = 256;
    private const int Demand = 32;

    [Fact]
    public async Task ThePage_AndWhatItNames_AreServed_AndNothingIsFromElsewhere()
    {
        string page = await sample.Http.GetStringAsync("/");
        string[] names = [.. Named().Matches(page).Select(match => match.Groups[1].Value).Distinct()];
        Assert.Equal(["icon.svg", "page.css", "page.js"], names.Order());
        foreach (string name in names.Append("").Append("chart.js").Append("dots.js"))
        {
            using var response = await sample.Http.GetAsync(name);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(["default-src 'self'"], response.Headers.GetValues("Content-Security-Policy"));
            string text = await response.Content.ReadAsStringAsync();
            Assert.DoesNotContain("//", text.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal).Replace("// ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Events_BeginWithWhatThePageNeeds_ThenPricesFlow()
    {
        using var patience = new CancellationTokenSource(Sample.Limit);
        await foreach (var item in sample.EventsAsync(patience.Token))
        {
            Assert.Equal("hello", item.EventType);
            break;
        }

        await sample.SetRateAsync(200);
        var first = await sample.UntilAsync(frame => frame.Number("read") > 0);
        await sample.UntilAsync(frame => frame.Number("read") >= first.Number("read") + 200);
    }

    [Fact]
    public async Task ASlowReader_FillsTheBuffer_AndThenTheWriterWaits()
    {
        await sample.SetRateAsync(200);
        await sample.UntilAsync(frame => frame.Rate("putRate") > 100 && frame.Rate("waits") < 0.1);
        await sample.SetRateAsync(20);
        await sample.UntilAsync(frame => frame.Number("buffered") == BufferSize && frame.Rate("putRate") is > 0 and < 50 && frame.Rate("waits") > 0.8);
        await sample.SetRateAsync(200);
        await sample.UntilAsync(frame => frame.Rate("putRate") > 100 && frame.Rate("waits") < 0.1 && frame.Number("buffered") < BufferSize / 2);
    }

    [Fact]
    public async Task AReaderThatStandsStill_HoldsTheWriter_AtBufferAndDemand()
    {
        await sample.SetRateAsync(0);
        var still = await sample.UntilAsync(frame => frame.Number("asked") == 0 && frame.Number("buffered") == BufferSize && frame.Rate("putRate") == 0);
        Assert.Equal(Demand, still.Number("arrived"));
        Assert.Equal(BufferSize + Demand, still.Number("put") - still.Number("read"));
        await sample.SetRateAsync(200);
        await sample.UntilAsync(frame => frame.Number("read") > still.Number("put"));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(201)]
    public async Task ARateThatCannotBe_IsRefused(int rate) => Assert.Equal(HttpStatusCode.BadRequest, await sample.SetRateAsync(rate));

    [Fact]
    public async Task TheProducersSilo_IsKilled_AndNoPriceIsMissing()
    {
        await sample.SetRateAsync(200);
        var before = await sample.UntilAsync(frame => frame.IsReady() && frame.Rate("readRate") > 100);
        Assert.Equal(HttpStatusCode.OK, await sample.KillSiloAsync());
        Assert.Equal(HttpStatusCode.Conflict, await sample.KillSiloAsync());
        var over = await sample.UntilAsync(frame => frame.Outages() is [.., var last] && last.IsOver() && frame.Outages().Length > before.Outages().Length);
        Assert.Equal(before.Home(), over.Outages()[^1].GetProperty("silo").GetString());
        Assert.True(over.Outages()[^1].Number("pause") > 0);

        var back = await sample.UntilAsync(frame => frame.IsReady() && frame.Number("read") > over.Number("read"));
        Assert.NotEqual(before.Home(), back.Home());
        Assert.Equal((0, 0), (back.Number("missing"), back.Number("repeated")));
    }

    [Fact]
    public async Task ASilo_ThatSomebodyKills_ComesBackAsAnotherProcess()
    {
        await sample.SetRateAsync(200);
        var before = await sample.UntilAsync(frame => frame.IsReady());
        var other = before.GetProperty("silos").EnumerateArray().Single(silo => !silo.GetProperty("hasStream").GetBoolean());
        int id = other.GetProperty("processId").GetInt32();
        using (var process = Process.GetProcessById(id)) process.Kill();
        await sample.UntilAsync(frame => !frame.AllSilosAreUp());

        var back = await sample.UntilAsync(frame => frame.IsReady() && frame.Number("read") > before.Number("read") + 200);
        Assert.DoesNotContain(back.GetProperty("silos").EnumerateArray(), silo => silo.GetProperty("processId").GetInt32() == id);
        Assert.Equal(other.GetProperty("name").GetString(), back.Outages()[^1].GetProperty("silo").GetString());
        Assert.Equal((0, 0), (back.Number("missing"), back.Number("repeated")));
    }

    [GeneratedRegex(@"(?:href|src)=""([^""]*)""")]
    private static partial Regex Named();
}
