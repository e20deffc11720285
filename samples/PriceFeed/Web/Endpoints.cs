using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace PriceFeed.Web;

/// <summary>The page, what it is told, and what it may ask for.</summary>
internal static class Endpoints
{
    private static readonly (string Path, string Resource, string Type)[] Files =
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/page.css", "page.css", "text/css; charset=utf-8"),
        ("/page.js", "page.js", "text/javascript; charset=utf-8"),
        ("/chart.js", "chart.js", "text/javascript; charset=utf-8"),
        ("/dots.js", "dots.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "icon.svg", "image/svg+xml"),
    ];

    public static void MapPage(this WebApplication app, Feed feed, Cluster cluster, Reader reader)
    {
        foreach (var (path, resource, type) in Files)
        {
            byte[] content = Read(resource);
            app.MapGet(path, (HttpResponse response) =>
            {
                response.Headers.CacheControl = "no-cache";
                response.Headers.ContentSecurityPolicy = "default-src 'self'";   // nothing comes from anywhere else
                return TypedResults.Bytes(content, type);
            });
        }

        app.MapGet("/events", () => TypedResults.ServerSentEvents(feed.FollowAsync(CancellationToken.None)));

        // PUT and DELETE, which no other site's page may send here.
        app.MapPut("/reader", Results<NoContent, ProblemHttpResult> (ReaderRate wanted) =>
        {
            if (wanted.Rate is < 0 or > Reader.FullSpeed) return Problem(400, $"'rate' must be from 0 to {Reader.FullSpeed}, not {wanted.Rate}.");
            reader.Rate = wanted.Rate;
            return TypedResults.NoContent();
        });

        app.MapDelete("/producers-silo", Results<Ok<string>, ProblemHttpResult> () =>
            cluster.Kill() is { } silo
                ? TypedResults.Ok(silo)
                : Problem(409, "Not now: the stream is between two silos, or one of them has not come back yet."));
    }

    private static ProblemHttpResult Problem(int status, string detail) => TypedResults.Problem(detail, statusCode: status);

    private static byte[] Read(string resource)
    {
        using var stream = typeof(Endpoints).Assembly.GetManifestResourceStream(resource)!;
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}

/// <summary>How many prices a second the reader is to take at most.</summary>
internal sealed record ReaderRate(int Rate);
