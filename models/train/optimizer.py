"""AdamW and an exponential moving average on a dictionary of weights, wherever they live."""
import torch


@torch.no_grad()
def clip(grads, most=1.0):
    """Scales gradients in place to a norm of at most `most`. Returns the norm from before."""
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
    torch._foreach_mul_(grads, torch.clamp(most / (norm + 1e-6), max=1.0))
    return norm


@torch.no_grad()
def adamw(state, names, grads, lr, weight_decay, ema_decay, betas=(0.9, 0.99)):
    """One update of state.weights[names] and their EMA. state.step counts from 1; decay is for matrices only."""
    step = state.step.item()
    weights, m, v = ([d[k] for k in names] for d in (state.weights, state.first, state.second))
    torch._foreach_lerp_(m, grads, 1 - betas[0])
    torch._foreach_mul_(v, betas[1])
    torch._foreach_addcmul_(v, grads, grads, 1 - betas[1])
    denominator = torch._foreach_sqrt(v)
    torch._foreach_div_(denominator, (1 - betas[1] ** step) ** 0.5)
    torch._foreach_add_(denominator, 1e-8)
    torch._foreach_mul_([w for w in weights if w.ndim > 1], 1 - lr * weight_decay)
    torch._foreach_addcdiv_(weights, m, denominator, -lr / (1 - betas[0] ** step))
    # Early averages forget quickly, so that the start does not linger in them.
    torch._foreach_lerp_([state.ema[k] for k in names], weights, 1 - min(ema_decay, (1 + step) / (10 + step)))
