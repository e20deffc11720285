using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Xunit;

namespace Casty.Orleans.Browser.Tests;

/// <summary>The page in a real browser, used by keyboard.</summary>
public sealed class PageTests(Browser browser) : IClassFixture<Browser>
{
    [BrowserFact]
    public async Task Prices_Arrive_AndTheChartMoves()
    {
        await using var open = await browser.OpenAsync();
        var page = open.Page;
        await open.AtFullSpeedAsync();
        await Assertions.Expect(page.Locator("#labels li")).ToHaveCountAsync(5);
        await open.UntilAsync("""() => number("put-rate") > 100 && number("read-rate") > 100""");
        string prices = await page.Locator("#labels").InnerTextAsync();
        string picture = await page.EvaluateAsync<string>("() => chart.toDataURL()");
        await open.UntilAsync("before => document.getElementById('labels').innerText !== before", prices);
        await open.UntilAsync("before => chart.toDataURL() !== before", picture);
        open.AssertNoComplaints();
    }

    [BrowserFact]
    public async Task SlowedByKeyboard_TheBufferFills_AndThenThePutsSlowDown()
    {
        await using var open = await browser.OpenAsync();
        var page = open.Page;
        await open.AtFullSpeedAsync();
        var slider = page.GetByRole(AriaRole.Slider, new() { Name = "Slow the reader" });
        await page.Keyboard.PressAsync("Tab");
        await Assertions.Expect(slider).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Home");
        await Assertions.Expect(slider).ToHaveAttributeAsync("aria-valuetext", "stands still");
        await page.Keyboard.PressAsync("ArrowRight");
        await page.Keyboard.PressAsync("ArrowRight");
        await Assertions.Expect(slider).ToHaveAttributeAsync("aria-valuetext", "20 prices a second");
        await open.UntilAsync("""() => number("buffered") === 256 && number("put-rate") < 50""");
        await Assertions.Expect(page.Locator("#writer-note")).ToContainTextAsync("waits");

        await page.Keyboard.PressAsync("End");
        await open.UntilAsync("""() => number("put-rate") > 100 && number("buffered") < 128""");
        open.AssertNoComplaints();
    }

    [BrowserFact]
    public async Task KilledByKeyboard_TheStreamGoesOn_AndNoPriceIsMissing()
    {
        await using var open = await browser.OpenAsync();
        var page = open.Page;
        await open.AtFullSpeedAsync();
        var button = page.GetByRole(AriaRole.Button, new() { NameRegex = new Regex("^Kill silo [AB]$") });
        await Assertions.Expect(button).ToHaveAttributeAsync("aria-disabled", "false");
        string victim = (await button.InnerTextAsync()).Replace("Kill silo ", "", StringComparison.Ordinal);
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Tab");
        await Assertions.Expect(button).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(button).ToHaveAttributeAsync("aria-disabled", "true");
        long read = await open.NumberAsync("read");

        await Assertions.Expect(page.GetByText($"Silo {victim} died and is back")).ToContainTextAsync("with no price missing");
        await Assertions.Expect(button).ToHaveTextAsync($"Kill silo {(victim == "A" ? "B" : "A")}");
        await Assertions.Expect(page.Locator("#pause")).ToContainTextAsync("s");
        await open.UntilAsync("before => number('read') > before + 300", read);
        Assert.Equal("0", await page.Locator("#missing").InnerTextAsync());
        Assert.Equal("0", await page.Locator("#repeated").InnerTextAsync());
        await Assertions.Expect(button).ToBeFocusedAsync();
        open.AssertNoComplaints();
    }

    [BrowserFact]
    public async Task OnAPhone_NothingOverflows_AndControlsAreLargeEnough()
    {
        foreach (int width in (int[])[320, 390])
        {
            await using var open = await browser.OpenAsync(width, 844);
            var page = open.Page;
            await open.UntilAsync("""() => document.querySelectorAll("#silos li").length === 2""");
            string[] outside = await page.EvaluateAsync<string[]>("""
                () => [...document.querySelectorAll("body *:not(.unseen)")]
                    .filter(one => { const box = one.getBoundingClientRect(); return box.width > 0 && (box.left < -0.5 || box.right > innerWidth + 0.5); })
                    .map(one => one.outerHTML.slice(0, 80))
                """);
            Assert.Empty(outside);
            Assert.True(await page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth <= innerWidth"));
            foreach (string control in (string[])["#speed", "#kill"])
            {
                Assert.True((await page.Locator(control).BoundingBoxAsync())!.Height >= 44, $"{control} is smaller than a finger.");
            }

            await open.PictureAsync($"price-feed-{width}");
            open.AssertNoComplaints();
        }
    }

    [BrowserFact]
    public async Task DarkAndStill_WhereThatIsWanted()
    {
        await using var lightOpen = await browser.OpenAsync();
        var light = lightOpen.Page;
        await using var darkOpen = await browser.OpenAsync(scheme: ColorScheme.Dark, motion: ReducedMotion.Reduce);
        var dark = darkOpen.Page;
        const string paper = "() => getComputedStyle(document.body).backgroundColor";
        const string motion = """() => getComputedStyle(document.querySelector(".buffer"), "::before").animationName""";
        Assert.NotEqual(await light.EvaluateAsync<string>(paper), await dark.EvaluateAsync<string>(paper));
        Assert.NotEqual("none", await light.EvaluateAsync<string>(motion));
        Assert.Equal("none", await dark.EvaluateAsync<string>(motion));
        await darkOpen.PictureAsync("price-feed-dark");
        darkOpen.AssertNoComplaints();
    }

    /// <summary>The picture of the README: half a minute with a reader that was slow, and a silo that was killed.</summary>
    [BrowserFact]
    public async Task AfterHalfAMinute_ThePageShowsWhatHappened()
    {
        await using var open = await browser.OpenAsync(1200, 900);
        var page = open.Page;
        await open.AtFullSpeedAsync();
        if (OpenPage.WantsPictures) await open.UntilAsync("() => number('read') > 5000");
        await Assertions.Expect(page.Locator("#kill")).ToHaveAttributeAsync("aria-disabled", "false");
        await page.Locator("#kill").ClickAsync();
        await Assertions.Expect(page.Locator("#kill")).ToHaveAttributeAsync("aria-disabled", "true");
        await Assertions.Expect(page.Locator("#kill")).ToHaveAttributeAsync("aria-disabled", "false");
        await page.Locator("#speed").FillAsync("60");
        await open.UntilAsync("""() => number("buffered") === 256 && number("put-rate") < 80""");
        await open.PictureAsync("price-feed");
        open.AssertNoComplaints();
    }
}
