using Microsoft.Playwright;
using Xunit;

namespace Casty.Orleans.Browser.Tests;

/// <summary>A page that is open, and what it has complained of.</summary>
internal sealed class OpenPage : IAsyncDisposable
{
    /// <summary>The folder to take pictures into; null where none are wanted.</summary>
    private static readonly string? Pictures = Environment.GetEnvironmentVariable("CASTY_PICTURES") is { Length: > 0 } folder ? Path.GetFullPath(folder) : null;

    private const string Number = """id => Number(document.getElementById(id).textContent.replaceAll(",", ""))""";

    private readonly IBrowserContext _context;
    private readonly Sample _sample;
    private readonly List<string> _complaints = [];

    public OpenPage(IBrowserContext context, IPage page, Sample sample)
    {
        _context = context;
        _sample = sample;
        Page = page;
        page.SetDefaultTimeout((float)Sample.Limit.TotalMilliseconds);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning") Complain(message.Text);
        };
        page.PageError += (_, error) => Complain(error);
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(sample.Address.AbsoluteUri, StringComparison.Ordinal)) Complain($"It asked for {request.Url}.");
        };
    }

    public static bool WantsPictures => Pictures is not null;

    public IPage Page { get; }

    /// <summary>Ends what a test before has left: all pages look at one sample.</summary>
    public async Task AtFullSpeedAsync()
    {
        await _sample.SetRateAsync(200);
        await UntilAsync("""() => number("put-rate") > 100 && number("buffered") < 128""");
    }

    /// <summary>Waits until a function of the page is true, which may say <c>number(id)</c>.</summary>
    public Task UntilAsync(string condition, object? argument = null) =>
        Page.WaitForFunctionAsync($"argument => {{ const number = {Number}; return ({condition})(argument); }}", argument);

    public Task<long> NumberAsync(string id) => Page.EvaluateAsync<long>(Number, id);

    public async Task PictureAsync(string name)
    {
        if (Pictures is not null) await Page.ScreenshotAsync(new() { Path = Path.Combine(Pictures, $"{name}.png"), FullPage = true });
    }

    public void AssertNoComplaints()
    {
        lock (_complaints) Assert.Empty(_complaints);
    }

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    private void Complain(string what)
    {
        lock (_complaints) _complaints.Add(what);
    }
}
