using Orleans;

namespace Casty.Orleans.Docs.Tests.Snippets;

#region contract
public interface IWordsGrain : IGrainWithStringKey
{
    Task<SourceRef<string>> SayAsync(int count);                        // server streaming

    Task<int> CountAsync(SourceRef<string> words);                      // client streaming

    Task<SourceRef<int>> MeasureAsync(SourceRef<string> words);         // both: duplex

    Task FillAsync(SinkRef<string> sink, int count);                    // or the other way round: it writes what it is given to write to
}
#endregion

public sealed class WordsGrain : Grain, IWordsGrain
{
    #region server
    public async Task<SourceRef<string>> SayAsync(int count)
    {
        string name = $"words/{Guid.NewGuid():N}";
        var sink = await GrainFactory.GetSinkAsync<string>(name);
        var source = await GrainFactory.GetSourceAsync<string>(name);
        _ = WriteAsync(sink, count);   // goes on in this grain's turns, as fast as it is read
        return source;
    }
    #endregion

    #region client
    public async Task<int> CountAsync(SourceRef<string> words)
    {
        int count = 0;
        await foreach (string word in words) count++;   // opens here; leaving the loop tells the writers
        return count;
    }
    #endregion

    #region duplex
    public async Task<SourceRef<int>> MeasureAsync(SourceRef<string> words)
    {
        string name = $"lengths/{Guid.NewGuid():N}";
        var sink = await GrainFactory.GetSinkAsync<int>(name);
        var lengths = await GrainFactory.GetSourceAsync<int>(name);
        _ = MeasureAsync();
        return lengths;

        async Task MeasureAsync()
        {
            await using var _ = sink;   // a loop that fails abandons the stream that it writes
            await foreach (string word in words) await sink.PutAsync(word.Length);
            await sink.CompleteAsync();
        }
    }
    #endregion

    public Task FillAsync(SinkRef<string> sink, int count) => WriteAsync(sink, count);

    private static async Task WriteAsync(SinkRef<string> sink, int count)
    {
        await using var _ = sink;
        for (int i = 0; i < count; i++) await sink.PutAsync($"word {i}");
        await sink.CompleteAsync();
    }
}

public static class WordsCaller
{
    #region caller
    public static async Task<int> RunAsync(IGrainFactory grains)
    {
        var grain = grains.GetGrain<IWordsGrain>("words");
        await using var words = await grain.SayAsync(1_000);
        await using var lengths = await grain.MeasureAsync(words);   // words is handed over, and spent here

        int letters = 0;
        await foreach (int length in lengths) letters += length;
        return letters;
    }
    #endregion
}
