using Microsoft.Playwright;
using Xunit;

namespace Casty.Orleans.Browser.Tests;

/// <summary>A browser without a window, and the sample that its pages look at.</summary>
public sealed class Browser : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public Sample Sample { get; } = new();

    public async Task InitializeAsync()
    {
        if (Chromium.File is null) return;
        await Sample.InitializeAsync();
        _playwright = await Playwright.CreateAsync();
        Assertions.SetDefaultExpectTimeout((float)Sample.Limit.TotalMilliseconds);
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium.File });
    }

    public async Task DisposeAsync()
    {
        if (Chromium.File is null) return;
        await _browser!.DisposeAsync();
        _playwright!.Dispose();
        await Sample.DisposeAsync();
    }

    /// <summary>Opens the page. What it complains of, and what it asks others for, is kept.</summary>
    internal async Task<OpenPage> OpenAsync(int width = 1280, int height = 1000, ColorScheme scheme = ColorScheme.Light, ReducedMotion motion = ReducedMotion.NoPreference)
    {
        var context = await _browser!.NewContextAsync(new()
        {
            ViewportSize = new() { Width = width, Height = height },
            ColorScheme = scheme,
            ReducedMotion = motion,
        });
        var open = new OpenPage(context, await context.NewPageAsync(), Sample);
        await open.Page.GotoAsync(Sample.Address.AbsoluteUri);
        await Assertions.Expect(open.Page.Locator("#link")).ToHaveTextAsync("Live");
        return open;
    }
}
