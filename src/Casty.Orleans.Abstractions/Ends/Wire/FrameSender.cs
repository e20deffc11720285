using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>An end that sends frames, as a sink and a producer do: each one's answer is handed on, or that none came.</summary>
internal abstract class FrameSender<T> : Pump
{
    protected void Send(IElementPort<T> receiver, Frame<Element<T>> frame, int ticket)
    {
        ValueTask<FrameReply> reply;
        try
        {
            reply = receiver.OnFrameAsync(frame);
        }
        catch (Exception exception)
        {
            OnLost(exception, ticket);
            return;
        }

        if (!receiver.IsLocal)
        {
            foreach (var batch in frame.Batches) batch.Free(Element<T>.Pool);   // it has been written down
        }

        if (reply.IsCompletedSuccessfully) OnReply(reply.Result, ticket);
        else _ = AwaitAsync(reply, ticket);
    }

    protected abstract void OnReply(FrameReply reply, int ticket);

    /// <summary>What became of the frame is unknown; the core sends again in its own time.</summary>
    protected abstract void OnLost(Exception exception, int ticket);

    private async Task AwaitAsync(ValueTask<FrameReply> reply, int ticket)
    {
        try
        {
            OnReply(await reply.ConfigureAwait(false), ticket);
        }
        catch (Exception exception)
        {
            OnLost(exception, ticket);
        }

        Run();
    }
}
