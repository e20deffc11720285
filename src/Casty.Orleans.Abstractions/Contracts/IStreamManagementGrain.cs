using Orleans;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>
/// Tells which streams live in a cluster, and ends one. Get it with <see cref="StreamManagementExtensions.GetStreamManagement"/>. Asking
/// holds no stream up, however many there are: an answer has at most one page of them.
/// </summary>
[Alias("casty.IStreamManagementGrain")]
public interface IStreamManagementGrain : IGrainWithIntegerKey
{
    /// <summary>
    /// The next streams that live, silo by silo and within one in the order in which they began, to the millisecond. One that begins
    /// meanwhile may be left out; one that moves to another silo meanwhile may be left out or come twice.
    /// </summary>
    /// <remarks>A silo is waited for for 10 seconds. The page ends behind one that has not answered by then, which is in <see cref="StreamPage.Unanswered"/>.</remarks>
    /// <param name="query">Which ones, and after which; null asks for the first page of all.</param>
    /// <exception cref="ArgumentException">The query's <see cref="StreamQuery.After"/> is not what a page said.</exception>
    [Alias("list")]
    Task<StreamPage> ListAsync(StreamQuery? query = null);

    /// <summary>
    /// Ends a stream at once, whatever it holds. Its writers and its reader get <see cref="StreamTerminatedException"/>, and its name is
    /// free. A loop that is inside its body finds out when it asks for the next element.
    /// </summary>
    /// <param name="stream">The run of the stream: <see cref="StreamInfo.Id"/>. A later run of the same name is another stream.</param>
    /// <param name="why">What its ends are told; at most 1,000 characters.</param>
    /// <returns>False if no silo has that stream any more.</returns>
    /// <exception cref="ArgumentException"><paramref name="why"/> is empty or too long.</exception>
    /// <exception cref="TimeoutException">
    /// The stream is being rebuilt after the loss of its silo, or a silo that may have it did not answer within 10 seconds. Try again.
    /// </exception>
    /// <exception cref="OrleansException">No silo has it that answered, and one that may have it is gone. Try again.</exception>
    [Alias("end")]
    Task<bool> EndAsync(Guid stream, string why);
}
